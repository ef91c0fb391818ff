"""``gilscope compare``: two results, case by case."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from typer import Argument, Option

from gilscope.cli.output import emit, emit_document
from gilscope.core.errors import UsageError
from gilscope.core.units import parse_fraction


def compare(
    first: Annotated[str, Argument(metavar="A", help="The older result.jsonl or its folder.")],
    second: Annotated[str, Argument(metavar="B", help="The newer one.")],
    fail_on: Annotated[
        str | None,
        Option(
            metavar="slower:5%",
            help="Exit with 1 if a case is certainly slower by more, with 3 if that cannot be decided.",
        ),
    ] = None,
    anyway: Annotated[
        bool,
        Option(
            "--anyway", help="Show ratios of different machines, interpreters or versions of gilscope; no gate decides."
        ),
    ] = False,
    form: Annotated[
        str,
        Option(
            "--format",
            metavar="text|markdown",
            help="markdown: for the comment of a pull request (default: text).",
            show_default=False,
        ),
    ] = "text",
    json: Annotated[bool, Option("--json", help="Print the comparison as JSON and nothing else.")] = False,
) -> int:
    """Compare two results: faster, slower, no difference shown, or not comparable and why."""
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.analysis.compare import compare as compared
    from gilscope.analysis.compare_json import comparison_to_json
    from gilscope.cli import FAILED, OK, UNDECIDED
    from gilscope.cli.show import locate
    from gilscope.core.registry import check_names
    from gilscope.report.markdown import markdown_compare
    from gilscope.report.terminal import render_compare

    check_names("format", [form], ("text", "markdown"))
    limit = _limit(fail_on)
    old, new = (analyse(results.load(locate(path))) for path in (first, second))
    found = compared(old, new, limit=limit, anyway=anyway)
    if form == "markdown" and not json:
        emit(markdown_compare(found, gate=fail_on or ""))
    else:
        emit_document(comparison_to_json(found), partial(render_compare, found, gate=fail_on or ""), json=json)
    if found.failed:
        return FAILED
    return OK if limit is None or found.decided else UNDECIDED


def _limit(fail_on: str | None) -> float | None:
    """Read a gate: how much slower a case may be."""
    if fail_on is None:
        return None
    direction, colon, share = fail_on.partition(":")
    if direction != "slower" or not colon:
        raise UsageError(f"--fail-on {fail_on!r} is unknown: write it like slower:5%")
    return parse_fraction(share, what="--fail-on")
