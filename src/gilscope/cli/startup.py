"""``gilscope startup``: what workers cost before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gilscope.cli.verb import VerbOptions, verb

if TYPE_CHECKING:
    from gilscope.measure.events import Observer


@verb
def startup(options: VerbOptions) -> int:
    """What do workers cost? Creating and joining N threads, interpreters, processes (fork, forkserver, spawn), loky
    and Dask workers in fresh processes, and the memory of each worker.
    """
    from gilscope import env
    from gilscope.cli.engines import check_engines
    from gilscope.cli.study import carry_out, taken_up, workers_of
    from gilscope.studies import startup as study
    from gilscope.studies.host import StudyHost

    request = options.fill(study.StartupRequest, workers=workers_of(options))
    check_engines(request.kinds, [request.workers])
    folder, request, resume = taken_up(study.STARTUP, request, options)
    here = study.usable(request)

    def measure(log: study.StartupLog, observer: Observer) -> None:
        with StudyHost(study.RUNNER, request.workers) as host:
            study.measure(request, here, host, log, observer)

    return carry_out(study.STARTUP, request, env.capture(), measure, options, out=folder, resume=resume)
