"""``gilscope run``: the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["exit_status", "run"]

_BAD = ("wrong_result", "failed", "timeout")


def run(
    kernels: Annotated[
        list[str] | None,
        typer.Argument(metavar="KERNEL", help="Kernels to compare; 'gilscope list' names them.", show_default=False),
    ] = None,
    implementations: Annotated[
        str | None, typer.Option("--implementations", metavar="a,b", help="Only these, e.g. py_loop,cy_nogil.")
    ] = None,
    executors: Annotated[
        str | None, typer.Option("--executors", metavar="a,b", help="Only these, e.g. threads,processes.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option("--workers", metavar="1,2,4", help="Worker counts [1, 2, 4, ... all usable CPUs].")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="XS|S|M|L", help="Problem size [S for pure Python, else M].")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="60s", help="Time from the first timed round on [60s; 75s for the default comparison]."
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", metavar="5%", help="Stop when all intervals are this narrow [5%].")
    ] = None,
    chunks: Annotated[str | None, typer.Option("--chunks", metavar="N", help="Chunks per worker [4].")] = None,
    start_method: Annotated[
        str | None,
        typer.Option("--start-method", metavar="a,b", help="Of processes: fork, forkserver, spawn [forkserver]."),
    ] = None,
    transport: Annotated[
        str | None, typer.Option("--transport", metavar="a,b", help="Of processes: shm, pickle [shm].")
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="N", help="Of the order inside blocks [1].")] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder of the result [gilscope-results/<UTC time>].")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the analysis as JSON and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
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
        "seed": seed,
    }
    return _measure(kernels or [], asked, out, json=json, quiet=quiet)


def _measure(kernels: list[str], asked: Mapping[str, str | None], out: str | None, *, json: bool, quiet: bool) -> int:
    from gilscope.cli.folder import output_folder
    from gilscope.cli.progress import watch
    from gilscope.cli.request import build_study
    from gilscope.cli.settings import read_settings

    settings = read_settings(Path.cwd())
    study = build_study(kernels, asked, settings)
    out = settings.values.get("out") if out is None else out

    from gilscope import pipeline

    with output_folder(out) as folder, watch(quiet=quiet, budget_s=study.budget_s) as observer:
        document = pipeline.run(study, folder, observer=observer)
    _report(document, json=json)
    return exit_status(document)


def _report(document: Mapping[str, Any], *, json: bool) -> None:
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width

    if json:
        emit_json(document)
        return
    from gilscope.report.terminal import render

    emit(render(document, width=stdout_width(), color=stdout_color()))


def exit_status(document: Mapping[str, Any]) -> int:
    """Return 130 when interrupted, 1 when a case failed, gave a wrong result or ran out of time, else 0."""
    from gilscope.cli import FAILED, INTERRUPTED, OK

    if document.get("interrupted"):
        return INTERRUPTED
    return FAILED if any(case["status"] in _BAD for case in document["cases"]) else OK
