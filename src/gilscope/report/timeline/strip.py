"""The timeline as text: a row per lane, a letter per moment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import chain, repeat

from gilscope.core.trace import CATEGORIES, GIL_LANE, Category, Event, Trace, by_lane, duration, is_gil
from gilscope.report.timeline.picture import CATEGORY_WORDS, MAX_LANES

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
_MOST_HOLDERS = 12  # named below the strip
_HOLDERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def strip(trace: Trace, *, width: int = 120, unicode: bool = True) -> str:
    """Draw the lanes, time from left to right: what a lane did most of a moment is that moment's letter.

    The lane of the GIL shows by a digit who held it.
    """
    lanes = trace.lanes[:MAX_LANES]
    if not lanes:
        return "nothing happened"
    name_width = min(_LONGEST_NAME, max(map(len, lanes)))
    columns = max(20, width - name_width - 4)
    names = dict.fromkeys(event.name for event in trace.spans() if is_gil(event.lane))
    holders = dict(zip(names, chain(_HOLDERS, repeat("+")), strict=False))
    begin, span, events = trace.start_ns, max(1, trace.end_ns - trace.start_ns), by_lane(trace)

    def letter(event: Event, lane: str) -> str:
        return holders[event.name] if is_gil(lane) else _LETTERS[event.category][not unicode]

    rows = []
    for lane in lanes:
        largest = _largest_of_each(events[lane], columns, begin, span)
        letters = (" " if event is None else letter(event, lane) for event in largest)
        name = lane if len(lane) <= name_width else "~" + lane[-(name_width - 1) :]
        rows.append(f"{name:>{name_width}} |{''.join(letters)}|")
    if len(trace.lanes) > len(lanes):
        rows.append(f"and {len(trace.lanes) - len(lanes)} more lanes")
    rows.append(" " * name_width + " 0" + duration(trace.end_ns - trace.start_ns).rjust(columns))
    used = {event.category for event in trace.events if not is_gil(event.lane)}
    keys = [f"{_LETTERS[name][not unicode]} {CATEGORY_WORDS[name]}" for name in CATEGORIES if name in used]
    legend = " " * (name_width + 2) + "  ".join(keys)
    rows += textwrap.wrap(legend, width, subsequent_indent=" " * (name_width + 2), drop_whitespace=False)
    if holders:
        named = [f"{letter} {name}" for name, letter in holders.items()]
        more = f"  and {len(named) - _MOST_HOLDERS} more" if len(named) > _MOST_HOLDERS else ""
        rows.append(" " * (name_width + 2) + f"{GIL_LANE} held by  {'  '.join(named[:_MOST_HOLDERS])}{more}")
    return "\n".join(row.rstrip() for row in rows)


def _largest_of_each(events: Sequence[Event], columns: int, begin: int, span: int) -> list[Event | None]:
    """Return per column the event that has the largest part of it; nested ones come later and win over their parent."""
    found: list[Event | None] = [None] * columns
    parts = [0.0] * columns
    for event in events:
        start, end = ((moment - begin) * columns / span for moment in (event.start_ns, event.end_ns))
        for index in range(int(start), min(columns, int(end) + 1)):
            part = min(end, index + 1.0) - max(start, float(index))
            if part > 0 and part >= parts[index]:
                found[index], parts[index] = event, part
    return found
