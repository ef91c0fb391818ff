"""``gilscope doctor``: what this machine and interpreter allow."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON and nothing else.")] = False,
) -> int:
    """Say what this machine allows: usable CPUs and what limits them, the GIL, and what disturbs measuring."""
    from functools import partial

    from gilscope.cli.output import emit_document
    from gilscope.env import capture, openmp
    from gilscope.report.machine import render_environment
    from gilscope.results.surroundings import Surroundings

    environment = capture(more=(openmp.check,))
    emit_document(environment, partial(render_environment, Surroundings.of(environment)), json=json)
    return 0
