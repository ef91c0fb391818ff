"""``gilscope doctor``: what this machine and interpreter allow."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from typer import Option

from gilscope.cli.output import emit_document


def doctor(json: Annotated[bool, Option("--json", help="Print the facts as JSON and nothing else.")] = False) -> None:
    """Say what this machine allows: usable CPUs and what limits them, the GIL, and what disturbs measuring."""
    from gilscope.env import capture, openmp
    from gilscope.report.machine import render_environment
    from gilscope.results.surroundings import Surroundings

    environment = capture(more=(openmp.check,))
    emit_document(environment, partial(render_environment, Surroundings.of(environment)), json=json)
