"""The timeline as text: a row per lane, a letter per moment."""

from __future__ import annotations

from gilscope.report.timeline import CATEGORY_WORDS, MAX_LANES, duration
from gilscope.trace import CATEGORIES, Category, Event, Trace

__all__ = ["strip"]

_LETTERS: dict[Category, tuple[str, str]] = {  # block characters where the terminal has them, else ASCII
    "start": ("s", "s"),
    "import": ("i", "i"),
    "unpickle": ("u", "u"),
    "hand_over": ("·", "."),
    "barrier": ("b", "b"),
    "compute": ("█", "#"),
    "wait": ("░", "-"),
    "sleep": ("z", "z"),
    "send": (">", ">"),
    "gil": ("▓", "G"),
    "state": ("▒", "="),
}
_LONGEST_NAME = 24


def strip(trace: Trace, *, width: int = 120, unicode: bool = True) -> str:
    """Draw the lanes, time from left to right: what a lane did most of a moment is that moment's letter."""
    lanes = trace.lanes[:MAX_LANES]
    if not lanes:
        return "nothing happened"
    name_width = min(_LONGEST_NAME, max(map(len, lanes)))
    columns = max(20, width - name_width - 4)
    used = {event.category for event in trace.events}
    rows = [f"{_cut(lane, name_width):>{name_width}} |{_row(trace, lane, columns, unicode)}|" for lane in lanes]
    if len(trace.lanes) > len(lanes):
        rows.append(f"and {len(trace.lanes) - len(lanes)} more lanes")
    span = duration(trace.end_ns - trace.start_ns)
    rows.append(" " * name_width + " 0" + span.rjust(columns))
    words = (f"{_LETTERS[name][not unicode]} {CATEGORY_WORDS[name]}" for name in CATEGORIES if name in used)
    rows.append(" " * (name_width + 2) + "  ".join(words))
    return "\n".join(rows)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else "~" + text[-(room - 1) :]


def _row(trace: Trace, lane: str, columns: int, unicode: bool) -> str:
    begin, span = trace.start_ns, max(1, trace.end_ns - trace.start_ns)
    busiest: list[tuple[float, Category] | None] = [None] * columns
    for event in trace.spans(lane):
        _paint(busiest, event, begin, span)
    return "".join(" " if cell is None else _LETTERS[cell[1]][not unicode] for cell in busiest)


def _paint(cells: list[tuple[float, Category] | None], event: Event, begin: int, span: int) -> None:
    """Give an event the cells of which it has the larger part; nested ones come later and win over their parent."""
    columns = len(cells)
    start, end = ((moment - begin) * columns / span for moment in (event.start_ns, event.end_ns))
    for index in range(int(start), min(columns, int(end) + 1)):
        part = min(end, index + 1.0) - max(start, float(index))
        held = cells[index]
        if part > 0 and (held is None or part >= held[0]):
            cells[index] = (part, event.category)
