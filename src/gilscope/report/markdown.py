"""Two results side by side as Markdown, for the comment of a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable

from gilscope.analysis.compare import ComparedCase, ResultComparison
from gilscope.analysis.rows import CaseRow
from gilscope.report.figures import NONE, interval, percent, printable
from gilscope.report.sentences.compare import compare_notes

_MOST_ROWS = 100  # a comment of GitHub may have 65536 characters
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def markdown_compare(found: ResultComparison, *, gate: str = "") -> str:
    """Lay out what changed; ``gate`` is the gate as the user wrote it, or empty.

    Speed-ups and shares of the GIL are those of each result: they hold on machines whose rates cannot be compared.
    """
    heads = ("case", "rate, after / before", "", "speed-up before", "after", "GIL held before", "after")
    rows = sorted(found.cases, key=lambda entry: (entry.outcome != "slower", entry.outcome != "faster"))
    lines = [_line(heads), _line([":--", "--:", ":--", *["--:"] * 4]), *map(_row, rows[:_MOST_ROWS])]
    notes = [_escaped(note) for note in compare_notes(found, gate)]
    if len(rows) > _MOST_ROWS:
        notes.append(f"The first {_MOST_ROWS} of {len(rows)} cases.")
    return printable("\n".join([*lines, *(part for note in notes for part in ("", note))]) + "\n")


def _row(entry: ComparedCase) -> str:
    outcome = f"{entry.outcome}: {entry.reason}" if entry.reason else entry.outcome
    mark = {"slower": "🔴 ", "faster": "🟢 "}.get(entry.outcome, "")
    cells = [interval(entry.ratio), f"{mark}{outcome}"]
    cells += (_of(row, _speedup) for row in (entry.before, entry.after))
    cells += (_of(row, lambda row: percent(row.gil.held)) for row in (entry.before, entry.after))
    return _line([_code(entry.case.id), *map(_escaped, cells)])


def _speedup(row: CaseRow) -> str:
    return interval(row.judged) if row.case.workers > 1 else NONE


def _of(row: CaseRow | None, write: Callable[[CaseRow], str]) -> str:
    return NONE if row is None else write(row)


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """Write a name as code, where nothing but what ends a cell or the code is special."""
    return f"`{text.replace('`', '?').replace('|', '?')}`"


def _escaped(text: str) -> str:
    """Escape a text for Markdown: whoever named a case must not write markup, nor call somebody by an at sign."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "@\u2060")
