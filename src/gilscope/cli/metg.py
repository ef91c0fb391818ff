"""``gilscope metg``: how small tasks may be, executor by executor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.cli.verb import VerbOptions, verb

if TYPE_CHECKING:
    from gilscope.measure.events import Observer


@verb
def metg(options: VerbOptions) -> int:
    """How small may tasks be before handing them out costs as much as doing them?

    The answer for each executor is its METG(50 %), minimum effective task granularity: the length of a task at which
    half of the workers' time is work. The pools of concurrent.futures (threadpool, processpool) are measured too.
    """
    from gilscope import env
    from gilscope.availability import remote
    from gilscope.cli.engines import check_engines
    from gilscope.cli.interpreters import chosen, reopened
    from gilscope.cli.study import carry_out, taken_up, workers_of
    from gilscope.core.cases import Slot
    from gilscope.env.interpreters import described
    from gilscope.measure.host import SupervisedHost, max_workers_of
    from gilscope.studies import metg as study
    from gilscope.studies.kinds import load_study

    interpreters = chosen(options, ())
    labels = tuple(entry.label for entry in interpreters)
    request = options.fill(study.MetgRequest, workers=workers_of(options), interpreters=labels)
    if interpreters and "budget" not in options.values:  # each gets the time that a single one would have
        request = replace(request, budget_s=request.budget_s * len(interpreters))
    check_engines(request.executors, [request.workers], interpreters[0].executable if interpreters else "")
    folder, request, resume = taken_up(study.METG, request, options)
    if resume and request.interpreters and not interpreters:  # as the file names them
        path = Path(str(folder), study.METG.file_name)
        interpreters = reopened(path, load_study(path).environment, ())

    ways = study.ways_of(request, remote(interpreters))
    cells = study.cells_of(ways)
    environment = env.capture() | described(interpreters)
    families = max_workers_of(Slot(case=cell.case(0)) for cell in cells)
    cpus, scheduler = environment["cpus"]["count"], request.dask_scheduler

    def measure(log: study.MetgLog, observer: Observer) -> None:
        with SupervisedHost(families, cpus, interpreters=interpreters, dask_scheduler=scheduler) as host:
            study.measure(request, ways, cells, host, log, observer)

    return carry_out(study.METG, request, environment, measure, options, out=folder, resume=resume)
