"""``gilscope run``: the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.cli.options import (
    DaskScheduler,
    Executors,
    Gil,
    Json,
    MemoryLimit,
    Out,
    Pin,
    Precision,
    Python,
    Quiet,
    Resume,
    Seed,
    StartMethod,
    Workers,
)

if TYPE_CHECKING:
    from gilscope.analysis import Answer
    from gilscope.core.cases import Study

__all__ = ["exit_status", "run"]

_BAD = ("wrong_result", "failed", "timeout")
_CHANGEABLE = {"budget", "precision"}  # by --resume


def run(
    kernels: Annotated[
        list[str] | None,
        typer.Argument(metavar="KERNEL", help="Kernels to compare; 'gilscope list' names them.", show_default=False),
    ] = None,
    implementations: Annotated[
        str | None, typer.Option("--implementations", metavar="a,b", help="Only these, e.g. py_loop,cy_nogil.")
    ] = None,
    executors: Executors = None,
    workers: Workers = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="XS|S|M|L", help="Problem size [S for pure Python, else M].")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="60s", help="Time from the first timed round on [60s; 75s for the default comparison]."
        ),
    ] = None,
    precision: Precision = None,
    chunks: Annotated[str | None, typer.Option("--chunks", metavar="N", help="Chunks per worker [4].")] = None,
    start_method: StartMethod = None,
    transport: Annotated[
        str | None, typer.Option("--transport", metavar="a,b", help="Of processes: shm, pickle [shm].")
    ] = None,
    scaling: Annotated[
        str | None,
        typer.Option("--scaling", metavar="a,b", help="strong: workers share the work; weak: each does all of it."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="a,b", help="Of chunks: static, dynamic (a shared counter) [static]."),
    ] = None,
    pin: Pin = None,
    dask_scheduler: DaskScheduler = None,
    memory_limit: MemoryLimit = None,
    seed: Seed = None,
    python: Python = None,
    gil: Gil = None,
    out: Out = None,
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare implementations and executors of kernels: who scales, how far, at what price.

    Without arguments: four kernels, every implementation and executor that works here, on all usable CPUs.
    Defaults may stand in [tool.gilscope] of pyproject.toml.
    """
    asked = {
        "implementations": implementations,
        "executors": executors,
        "workers": workers,
        "size": size,
        "budget": budget,
        "precision": precision,
        "chunks": chunks,
        "start-method": start_method,
        "transport": transport,
        "scaling": scaling,
        "schedule": schedule,
        "pin": pin,
        "dask-scheduler": dask_scheduler,
        "memory-limit": memory_limit,
        "seed": seed,
        "python": ",".join(python) if python else None,
        "gil": gil,
    }
    return _measure(kernels or [], asked, out, resume=resume, json=json, quiet=quiet)


def _measure(
    kernels: list[str], asked: Mapping[str, str | None], out: str | None, *, resume: bool, json: bool, quiet: bool
) -> int:
    from gilscope.cli.folder import output_folder
    from gilscope.cli.interpreters import across, chosen, reopened
    from gilscope.cli.output import emit_answer
    from gilscope.cli.progress import watch
    from gilscope.cli.report import add_report
    from gilscope.cli.request import build_study
    from gilscope.cli.settings import read_settings
    from gilscope.results import load

    settings = read_settings(Path.cwd())
    study = build_study(kernels, asked, settings)
    interpreters = chosen(asked, settings, study.kernels)
    study = across(study, interpreters, asked, settings)
    out = settings.values.get("out") if out is None else out
    if resume:
        out, study, resume = _taken_up(out, study, kernels, asked)
        if resume and study.interpreters and not interpreters:  # as the result names them
            interpreters = reopened(Path(str(out)), load(Path(str(out))).environment, study.kernels)

    from gilscope import pipeline
    from gilscope.measure.engine import Kernels

    subject = Kernels(study, interpreters)
    with output_folder(out, resume=resume) as folder, watch(quiet=quiet, budget_s=study.budget_s) as observer:
        answer = pipeline.run(subject, folder, observer=observer, resume=resume)
    emit_answer(answer, json=json)
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def _taken_up(
    out: str | None, study: Study, kernels: list[str], asked: Mapping[str, str | None]
) -> tuple[str | None, Study, bool]:
    """Return folder and study to go on with, and whether there is anything: else it is measured from the start."""
    from gilscope.cli.folder import DEFAULT_PARENT, newest
    from gilscope.measure.resume import continued
    from gilscope.results import RESULT_NAME, load

    path = newest(Path(DEFAULT_PARENT)) if out is None else Path(out, RESULT_NAME)
    if path is None or not path.exists():
        return out, study, False
    if path.is_file() and not path.stat().st_size:  # killed before the first line was written
        path.unlink()
        return out, study, False
    given = {name for name, text in asked.items() if text is not None}
    described = bool(kernels) or bool(given - _CHANGEABLE)
    study = continued(
        load(path),
        study if described else None,
        budget_s=study.budget_s if "budget" in given else None,
        precision=study.precision if "precision" in given else None,
    )
    return str(path.parent), study, True


def exit_status(answer: Answer) -> int:
    """Return 130 when interrupted, 1 when a case failed, gave a wrong result or ran out of time, else 0."""
    from gilscope.cli import FAILED, INTERRUPTED, OK

    if answer.interrupted:
        return INTERRUPTED
    return FAILED if any(row.status in _BAD for row in answer.rows) else OK
