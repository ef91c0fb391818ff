"""``gilscope compare``: two results, case by case."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["compare"]


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="The older result.jsonl or its folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The newer one.")],
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="slower:5%",
            help="Exit with 1 if a case is certainly slower by more, with 3 if that cannot be decided.",
        ),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Show ratios of different machines, interpreters or gilscopes; no gate decides."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON and nothing else.")] = False,
) -> int:
    """Compare two results: faster, slower, no difference shown, or not comparable and why."""
    limit = None if fail_on is None else _limit(fail_on)
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.analysis.compare import compare as compared
    from gilscope.analysis.compare_json import comparison_to_json
    from gilscope.cli import FAILED, OK, UNDECIDED
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width
    from gilscope.cli.show import locate

    old, new = (analyse(results.load(locate(path))) for path in (first, second))
    found = compared(old, new, limit=limit, anyway=anyway)
    if json:
        emit_json(comparison_to_json(found))
    else:
        from gilscope.report.terminal import render_compare

        emit(render_compare(found, gate=fail_on or "", width=stdout_width(), color=stdout_color()))
    if found.failed:
        return FAILED
    return OK if limit is None or found.decided else UNDECIDED


def _limit(text: str) -> float:
    from gilscope.core.errors import UsageError
    from gilscope.core.units import parse_fraction

    word, colon, value = text.partition(":")
    if word != "slower" or not colon:
        raise UsageError(f"--fail-on {text!r} is unknown: write it like slower:5%")
    return parse_fraction(value, what="--fail-on")
