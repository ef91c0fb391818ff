"""``gilscope startup``: what workers cost before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.cli.options import Json, Out, Quiet, Resume, Seed

if TYPE_CHECKING:
    from gilscope.measure.events import Observer

__all__ = ["startup"]


def startup(
    executors: Annotated[
        str | None,
        typer.Option("--executors", metavar="a,b", help="Only these, e.g. threads,fork,spawn,loky [all]."),
    ] = None,
    workers: Annotated[str | None, typer.Option("--workers", metavar="N", help="Workers [all usable CPUs].")] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="60s", help="Time from the first start on [60s].")
    ] = None,
    seed: Seed = None,
    out: Out = None,
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """What do workers cost? Creating and joining N threads, interpreters, processes (fork, forkserver, spawn), loky
    and Dask workers in fresh processes, and the memory of each worker.
    """
    from gilscope import env
    from gilscope.cli.study import carry_out, common, one_of, taken_up
    from gilscope.studies import startup as study
    from gilscope.studies.host import StudyHost

    given = {"workers": workers, "budget": budget, "seed": seed}
    options, folder = common({**given, "out": out})
    options.pop("start_methods", None)
    options |= one_of("kinds", executors, study.KINDS)
    request = study.StartupRequest(**options)
    if resume:
        folder, request, resume = taken_up(study.STARTUP, request, {**given, "executors": executors}, folder)
    here = study.usable(request)

    def measure(log: study.StartupLog, observer: Observer) -> None:
        with StudyHost(study.RUNNER, request.workers) as host:
            study.measure(request, here, host, log, observer)

    return carry_out(study.STARTUP, request, env.capture(), measure, folder, resume=resume, json=json, quiet=quiet)
