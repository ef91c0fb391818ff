"""``gilscope metg``: how small tasks may be, executor by executor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.cli.options import DaskScheduler, Gil, Json, Out, Python, Quiet, Resume, Seed

if TYPE_CHECKING:
    from gilscope.env.interpreters import Interpreter
    from gilscope.measure.events import Observer
    from gilscope.studies.metg import MetgLog, MetgRequest

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
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """How small may tasks be? METG(50 %) of every executor: workers x wall per task at which half is work.

    The pools of concurrent.futures stand beside ours (threadpool, processpool).
    """
    from gilscope.cli.interpreters import chosen, reopened
    from gilscope.cli.settings import read_settings
    from gilscope.cli.study import common, one_of, small_duration, taken_up
    from gilscope.core.registry import EXECUTORS, REFERENCES
    from gilscope.studies.kinds import load_study
    from gilscope.studies.metg import METG, MetgRequest

    given = {"start-method": start_method, "workers": workers, "budget": budget, "seed": seed}
    given["dask-scheduler"] = dask_scheduler
    options, folder = common({**given, "out": out})
    options |= one_of("executors", executors, (*EXECUTORS, *REFERENCES))
    options["task_s"] = small_duration("task", task)
    which = {"python": ",".join(python) if python else None, "gil": gil}
    interpreters = chosen(which, read_settings(Path.cwd()), ())
    request = MetgRequest(**options, interpreters=tuple(entry.label for entry in interpreters))
    if interpreters and "budget_s" not in options:  # each gets the time that a single one would have
        request = replace(request, budget_s=request.budget_s * len(interpreters))
    if resume:
        given |= {"executors": executors, "task": task, **which}
        folder, request, resume = taken_up(METG, request, given, folder)
        if resume and request.interpreters and not interpreters:  # as the file names them
            path = Path(str(folder), METG.file_name)
            interpreters = reopened(path, load_study(path).environment, ())
    return _measure(request, interpreters, folder, resume=resume, json=json, quiet=quiet)


def _measure(
    request: MetgRequest, interpreters: Sequence[Interpreter], out: str | None, *, resume: bool, json: bool, quiet: bool
) -> int:
    from gilscope import env
    from gilscope.availability import remote
    from gilscope.cli.study import carry_out
    from gilscope.core.cases import Slot
    from gilscope.env.interpreters import described
    from gilscope.measure.host import SupervisedHost, max_workers_of
    from gilscope.studies import metg as study

    ways = study.ways_of(request, remote(interpreters))
    cells = study.cells_of(ways)
    environment = env.capture() | described(interpreters)
    families = max_workers_of(Slot(case=cell.case(0)) for cell in cells)

    def measure(log: MetgLog, observer: Observer) -> None:
        with SupervisedHost(
            families,
            environment["cpus"]["count"],
            interpreters=interpreters,
            dask_scheduler=request.dask_scheduler,
        ) as host:
            study.measure(request, ways, cells, host, log, observer)

    return carry_out(study.METG, request, environment, measure, out, resume=resume, json=json, quiet=quiet)
