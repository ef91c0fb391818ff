"""``gilscope startup``: what workers cost before they do anything."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gilscope.cli.options import Json, Out, Quiet, Seed

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
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """What do workers cost? Creating and joining N threads, interpreters, processes (fork, forkserver, spawn), loky
    and Dask workers in fresh processes, and the memory of each worker.
    """
    from gilscope.cli.study import carry_out, common, measured, one_of
    from gilscope.studies import startup as study

    options, folder = common({"workers": workers, "budget": budget, "seed": seed, "out": out})
    options.pop("start_methods", None)
    found = one_of("executors", executors, study.KINDS)
    kinds = {"kinds": found["executors"]} if found else {}
    return carry_out("startup", lambda: measured(study, {**options, **kinds}, quiet=quiet), _render, folder, json=json)


def _render() -> Any:
    from gilscope.report.study_startup import render_startup

    return render_startup
