"""``gilscope list``: what is here, and what cannot be used and why.

The module is not called ``list``: as an attribute of its package it would hide the builtin there.
"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["list_"]


def list_(
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON and nothing else.")] = False,
) -> int:
    """List kernels, implementations and executors, and why some cannot be used here."""
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width
    from gilscope.inventory import inventory

    found = inventory()
    if json:
        emit_json(found.to_json())
    else:
        from gilscope.report.machine import render_inventory

        emit(render_inventory(found, width=stdout_width(), color=stdout_color()))
    return 0
