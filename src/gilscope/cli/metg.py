"""``gilscope metg``: how small tasks may be, executor by executor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gilscope.cli.options import DaskScheduler, Gil, Json, Out, Python, Quiet, Seed

if TYPE_CHECKING:
    from gilscope.env.interpreters import Interpreter

__all__ = ["metg"]


def metg(
    executors: Annotated[
        str | None,
        typer.Option("--executors", metavar="a,b", help="Only these, e.g. threads,processes,threadpool [all]."),
    ] = None,
    start_method: Annotated[
        str | None, typer.Option("--start-method", metavar="a,b", help="Of processes [fork, forkserver, spawn].")
    ] = None,
    workers: Annotated[str | None, typer.Option("--workers", metavar="N", help="Workers [all usable CPUs].")] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="40us", help="Length of a task of yours: how many go together?")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="75s", help="Time from the first counted round on [75s].")
    ] = None,
    seed: Seed = None,
    python: Python = None,
    gil: Gil = None,
    dask_scheduler: DaskScheduler = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """How small may tasks be? METG(50 %) of every executor: workers x wall per task at which half is work.

    The pools of concurrent.futures stand beside ours (threadpool, processpool).
    """
    from gilscope.cli.interpreters import chosen
    from gilscope.cli.settings import read_settings
    from gilscope.cli.study import carry_out, common, one_of, small_duration
    from gilscope.registry import EXECUTORS, REFERENCES

    asked = {"start-method": start_method, "workers": workers, "budget": budget, "seed": seed, "out": out}
    asked["dask-scheduler"] = dask_scheduler
    options, folder = common(asked)
    options |= one_of("executors", executors, (*EXECUTORS, *REFERENCES))
    options["task_s"] = small_duration("task", task)
    interpreters = chosen({"python": ",".join(python) if python else None, "gil": gil}, read_settings(Path.cwd()), ())
    return carry_out("metg", lambda: _run(options, interpreters, quiet=quiet), _render, folder, json=json)


def _run(options: dict[str, Any], interpreters: Sequence[Interpreter], *, quiet: bool) -> dict[str, Any]:
    from gilscope import env
    from gilscope.abilities import told
    from gilscope.cases import Slot
    from gilscope.cli.progress import watch
    from gilscope.env.interpreters import described
    from gilscope.measure.host import SupervisedHost, max_workers_of
    from gilscope.studies import metg as study

    request = study.Request(**options, interpreters=tuple(entry.label for entry in interpreters))
    if interpreters and "budget_s" not in options:  # each gets the time that a single one would have
        request = replace(request, budget_s=request.budget_s * len(interpreters))
    ways = study.ways_of(request, told(interpreters))
    cells = study.cells_of(ways)
    environment = env.capture() | described(interpreters)
    families = max_workers_of(Slot(case=cell.case(0)) for cell in cells)
    with watch(quiet=quiet, budget_s=request.budget_s) as observer:
        with SupervisedHost(
            families,
            environment["cpus"]["count"],
            interpreters=interpreters,
            dask_scheduler=request.dask_scheduler,
        ) as host:
            sweep = study.measure(request, cells, host, observer)
        return study.metg_document(request, ways, sweep, environment)


def _render() -> Any:
    from gilscope.report.study_metg import render_metg

    return render_metg
