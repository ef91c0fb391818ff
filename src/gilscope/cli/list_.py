"""``gilscope list``: what is here, and what cannot be used and why.

The module is not called ``list``: as an attribute of its package it would hide the builtin there.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["inventory", "list_"]


def list_(
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON and nothing else.")] = False,
) -> int:
    """List kernels, implementations and executors, and why some cannot be used here."""
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width

    found = inventory()
    if json:
        emit_json(found)
    else:
        from gilscope.report.machine import render_inventory

        emit(render_inventory(found, width=stdout_width(), color=stdout_color()))
    return 0


def inventory() -> dict[str, Any]:
    """Collect kernels with their implementations, and executors, each with its availability."""
    from gilscope.kernels import foreign
    from gilscope.registry import EXECUTORS, FLAGSHIPS, KERNELS

    return {
        "schema": "gilscope.list",
        "schema_version": 1,
        "default": list(FLAGSHIPS),
        "kernels": [_kernel(name) for name in (*KERNELS, *foreign())],
        "executors": [entry for name in EXECUTORS for entry in _executor(name)],
    }


def _kernel(name: str) -> dict[str, Any]:
    from gilscope import kernels

    try:
        spec = kernels.load(name)
    except (ImportError, AttributeError) as error:  # a kernel of another package that does not load is data, too
        return {"name": name, "summary": f"cannot be loaded: {error}", "regime": "", "sizes": {}, "implementations": []}
    implementations = []
    for impl in spec.impls:
        available = kernels.availability(spec, impl)
        implementations.append(
            {
                "name": impl.name,
                "gil": impl.gil,
                "size": impl.size,
                "available": available.ok,
                "reason": available.reason,
                "cure": available.cure,
            }
        )
    return {
        "name": name,
        "summary": spec.summary,
        "regime": spec.regime,
        "sizes": {word: dict(params) for word, params in spec.sizes.items()},
        "implementations": implementations,
    }


def _executor(name: str) -> list[dict[str, Any]]:
    """Return one entry per executor; one per start method for processes."""
    from gilscope import executors
    from gilscope.registry import START_METHODS
    from gilscope.spec import Impl

    typical = Impl(name="any", target="", gil="own_threads" if name == "native" else "released")
    entries = []
    for start_method in START_METHODS if name == "processes" else ("",):
        available = executors.availability(name, typical, start_method)
        entries.append(
            {
                "name": name,
                "start_method": start_method,
                "available": available.ok,
                "reason": available.reason,
                "cure": available.cure,
            }
        )
    return entries
