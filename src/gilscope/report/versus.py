"""The table of ``gilscope compare``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gilscope.report.comparison import plain_table
from gilscope.report.facts import printable
from gilscope.report.figures import NONE, narrow
from gilscope.report.terminal import painted

__all__ = ["render_versus"]


def render_versus(
    rows: Sequence[Mapping[str, Any]], missed: Collection[str], *, width: int, color: bool = False
) -> str:
    """Lay out the comparison of two results: ratios of rates, the second over the first."""
    table = plain_table(["case"], ["rate, B over A"], gap=2)
    table.add_column("verdict", overflow="fold")
    for row in printable(list(rows)):
        ratio = row["ratio"]
        shown = f"{narrow(ratio['value'])} [{narrow(ratio['low'])}, {narrow(ratio['high'])}]" if ratio else NONE
        words = f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]
        table.add_row(row["case"], shown, words, style="red" if row["case"] in missed else "")
    text = painted([table], width, color=color)
    return text + (f"slower than allowed: {', '.join(printable(list(missed)))}\n" if missed else "")
