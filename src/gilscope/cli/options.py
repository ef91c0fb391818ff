"""Options that several verbs share: one name, one meaning, one sentence of help."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "DaskScheduler",
    "Executors",
    "Gil",
    "Json",
    "MemoryLimit",
    "Out",
    "Pin",
    "Precision",
    "Python",
    "Quiet",
    "Resume",
    "Seed",
    "StartMethod",
    "Workers",
]

Executors = Annotated[
    str | None, typer.Option("--executors", metavar="a,b", help="Only these, e.g. threads,processes.")
]
Workers = Annotated[
    str | None, typer.Option("--workers", metavar="1,2,4", help="Worker counts [1, 2, 4, ... all usable CPUs].")
]
Precision = Annotated[
    str | None, typer.Option("--precision", metavar="5%", help="Stop when all intervals are this narrow [5%].")
]
StartMethod = Annotated[
    str | None,
    typer.Option("--start-method", metavar="a,b", help="Of processes: fork, forkserver, spawn [forkserver]."),
]
Pin = Annotated[
    str | None,
    typer.Option("--pin", metavar="none|cores|smt", help="Bind workers to CPUs: a core each, or by SMT thread [none]."),
]
DaskScheduler = Annotated[
    str | None,
    typer.Option(
        "--dask-scheduler", metavar="tcp://HOST:PORT", help="A running Dask scheduler [a cluster of its own]."
    ),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option("--memory-limit", metavar="4G", help="What each measuring process may allocate [no limit]."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the result in --out (or the newest one); what it has is kept.")
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Of the order inside blocks [1].")]
Python = Annotated[
    list[str] | None,
    typer.Option("--python", metavar="3.13t|PATH", help="Measure under this interpreter; several are compared."),
]
Gil = Annotated[
    str | None, typer.Option("--gil", metavar="on|off|both", help="How free-threaded interpreters are run.")
]
Out = Annotated[
    str | None, typer.Option("--out", metavar="DIR", help="Folder of the result [gilscope-results/<UTC time>].")
]
Json = Annotated[bool, typer.Option("--json", help="Print the document as JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
