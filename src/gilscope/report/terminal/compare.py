"""Two results side by side in the terminal: the table of ``gilscope compare``."""

from __future__ import annotations

from gilscope.analysis.compare import ResultComparison
from gilscope.report.figures import interval, printable
from gilscope.report.sentences.compare import compare_notes
from gilscope.report.terminal.painted import painted, plain_table

__all__ = ["render_compare"]


def render_compare(found: ResultComparison, *, gate: str = "", width: int, color: bool = False) -> str:
    """Lay out the comparison of two results: ratios of rates, the second over the first.

    ``gate`` is the gate as the user wrote it, or empty.
    """
    table = plain_table(["case"], ["rate, B over A"])
    table.add_column("verdict", overflow="fold")
    failed = frozenset(found.failed)
    for entry in found.cases:
        outcome = f"{entry.outcome}: {entry.reason}" if entry.reason else entry.outcome
        style = "red" if entry.case in failed else ""
        table.add_row(entry.case.id, interval(entry.ratio), outcome, style=style)
    notes = "".join(f"{line}\n" for line in compare_notes(found, gate))
    return printable(painted(table, width, color=color) + notes, color=color)
