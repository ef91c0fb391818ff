"""Runs over time in the terminal."""

from __future__ import annotations

from gilscope.analysis.history import CaseHistory, History
from gilscope.report.figures import NONE, interval, percent, printable
from gilscope.report.sentences.history import date, events, headline, left_out, named
from gilscope.report.terminal.painted import filled, painted, plain_table

MOST_CASES = 30  # of the table; those that changed come first
_ROOMY = 100  # columns from which the number of runs fits


def render_history(found: History, *, width: int, color: bool = False) -> str:
    """Lay out the newest figures of each case, what changed, and where runs cannot be compared."""
    if not found.runs:
        parts = [f"No run in {found.folder}."]
    else:
        first, last = found.runs[0], found.runs[-1]
        parts = [
            filled("", f"{found.folder}: {date(first)} {named(first)} to {date(last)} {named(last)}", width),
            _table(found, width, color=color).rstrip("\n"),
            "\n".join(
                filled(f"{label:<11}", f"{date(found.runs[run])}  {sentence}", width)
                for run, label, sentence in events(found)
            ),
            headline(found),
        ]
    parts += [filled("left out   ", sentence, width) for sentence in left_out(found)]
    return printable("\n\n".join(filter(None, parts)) + "\n", color=color)


def shown_cases(found: History) -> list[CaseHistory]:
    """Return the cases that say anything, those that changed first."""
    known = [
        case for case in found.cases if any(one.held is not None or one.speedup is not None for _, one in case.points)
    ]
    return sorted(known, key=lambda case: not case.changes)


def _table(found: History, width: int, *, color: bool) -> str:
    narrow = width < _ROOMY
    heads = ["efficiency", "net speed-up", "GIL held", "changes", *([] if narrow else ["runs"])]
    table = plain_table(["case"], heads, gap=1 if narrow else 2)
    cases = shown_cases(found)
    worse = {one.case for one in found.regressions}
    for case in cases[:MOST_CASES]:
        cells = newest(case)[: len(heads)]
        table.add_row(case.case, *cells, style="red" if case.case in worse else "")
    more = len(cases) - MOST_CASES
    return painted(table, width, color=color) + (f"and {more} more cases: --html shows them\n" if more > 0 else "")


def newest(case: CaseHistory) -> tuple[str, ...]:
    """Write efficiency, net speed-up and GIL share of the newest run, the number of changes and that of runs."""
    now = case.latest
    parallel = (now.efficiency, now.net_speedup) if now.workers > 1 else (None, None)
    changes = str(len(case.changes)) if case.changes else NONE
    return (*map(interval, parallel), percent(now.held), changes, str(len(case.points)))
