"""``gilscope doctor``: what this machine and interpreter allow."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["doctor"]


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON and nothing else.")] = False,
) -> int:
    """Say what this machine allows: usable CPUs and what limits them, the GIL, and what disturbs measuring."""
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width
    from gilscope.env import capture, openmp

    environment = capture(more=(openmp.check,))
    if json:
        emit_json(environment)
    else:
        from gilscope.report.machine import render_environment
        from gilscope.results.surroundings import Surroundings

        emit(render_environment(Surroundings.of(environment), width=stdout_width(), color=stdout_color()))
    return 0
