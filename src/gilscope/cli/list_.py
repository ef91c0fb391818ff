"""``gilscope list``: what is here, and what cannot be used and why; as ``list`` it would hide the builtin."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from typer import Option

from gilscope.cli.output import emit_document


def list_(json: Annotated[bool, Option("--json", help="Print the list as JSON and nothing else.")] = False) -> None:
    """List kernels, implementations and executors, and why some cannot be used here."""
    from gilscope.inventory import inventory
    from gilscope.report.machine import render_inventory

    found = inventory()
    emit_document(found.to_json(), partial(render_inventory, found), json=json)
