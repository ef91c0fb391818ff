"""``gilscope compare``: two results, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

__all__ = ["compare"]


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="The older result.jsonl or its folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The newer one.")],
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", metavar="slower:5%", help="Exit with 1 if a case is certainly slower by more."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON and nothing else.")] = False,
) -> int:
    """Compare two results: faster, slower, no difference shown, or not comparable and why."""
    limit = None if fail_on is None else _limit(fail_on)
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.analysis.versus import versus
    from gilscope.cli import FAILED, OK
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width
    from gilscope.cli.show import locate

    old, new = (analyse(results.load(locate(path))) for path in (first, second))
    rows = versus(old, new)
    missed = [] if limit is None else slower_by(rows, limit)
    if json:
        document = {"schema": "gilscope.comparison", "schema_version": 1, "cases": rows, "failed": missed}
        emit_json(document)
    else:
        from gilscope.report.versus import render_versus

        emit(render_versus(rows, missed, width=stdout_width(), color=stdout_color()))
    return FAILED if missed else OK


def slower_by(rows: Sequence[Mapping[str, Any]], limit: float) -> list[str]:
    """Return the cases whose whole interval lies below 1 - ``limit``."""
    return [row["case"] for row in rows if row["ratio"] is not None and row["ratio"]["high"] < 1 - limit]


def _limit(text: str) -> float:
    from gilscope.errors import UsageError
    from gilscope.units import parse_fraction

    word, colon, value = text.partition(":")
    if word != "slower" or not colon:
        raise UsageError(f"--fail-on {text!r} is unknown: write it like slower:5%")
    return parse_fraction(value, what="--fail-on")
