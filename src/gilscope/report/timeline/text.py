"""A trace in the terminal: its sequence diagram, and its timeline with a row per lane and a letter per moment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import chain, repeat

from gilscope.core.trace import CATEGORIES, GIL_LANE, Category, Event, Trace, by_group, by_lane, duration, is_gil
from gilscope.report.timeline.picture import CATEGORY_LABELS, MAX_LANES
from gilscope.studies.traced.steps import MAX_STEPS, Step, speakers, steps

_COLUMN = 36  # characters per lane, where the terminal is wide enough
_CLOCK = 10  # characters of the time at the left
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


def draw(trace: Trace, *, width: int = 120, unicode: bool = True) -> str:
    """Draw the sequence diagram as text, the time since the start at the left; one diagram per group of lanes."""
    groups = by_group(trace)
    if len(groups) > 1:
        return "\n\n".join(f"{part.title}\n{draw(part, width=width, unicode=unicode)}" for part in groups)
    lanes = speakers(trace)
    if not lanes:
        return "nothing happened"
    column = max(8, min(_COLUMN, (width - _CLOCK) // len(lanes)))
    pen = _Pen(lanes, column, unicode)
    found = steps(trace)
    lines = [pen.heads(), *(pen.row(step) for step in found)]
    total = 2 * len(trace.events) + len(trace.messages)
    if len(found) == MAX_STEPS and total > MAX_STEPS:
        lines.append(" " * _CLOCK + "... and so on")
    if left_out := sum(not is_gil(lane) for lane in trace.lanes) - len(lanes):
        lines.append(" " * _CLOCK + f"and {left_out} more lanes")
    return "\n".join(line.rstrip() for line in lines)


class _Pen:
    """Rows of a diagram with a column per lane."""

    def __init__(self, lanes: Sequence[str], column: int, unicode: bool) -> None:
        self._lanes, self._column = list(lanes), column
        self._depth = dict.fromkeys(lanes, 0)
        self._idle, self._busy, self._line, self._left, self._right = "│┃─◀▶" if unicode else "|#-<>"
        self._marks = {"begin": "┐ ", "end": "┘ "} if unicode else {"begin": "+ ", "end": "- "}

    def heads(self) -> str:
        """Return the names of the lanes; of long ones the end."""
        room = self._column - 2
        names = (lane if len(lane) <= room else "…" + lane[-(room - 1) :] for lane in self._lanes)
        return " " * _CLOCK + "".join(name.ljust(self._column) for name in names)

    def _line_of(self, lane: str) -> int:
        return _CLOCK + self._lanes.index(lane) * self._column + 1

    def row(self, step: Step) -> str:
        """Return the row of a step, and remember who is busy after it."""
        if step.kind == "begin" or step.opens:
            self._depth[step.target] += 1
        letters = [" "] * (_CLOCK + self._column * len(self._lanes))
        for lane in self._lanes:
            letters[self._line_of(lane)] = self._busy if self._depth[lane] else self._idle
        _put(letters, 0, duration(step.at_ns).rjust(_CLOCK - 2))
        if step.kind == "message" and step.source != step.target:
            self._arrow(letters, step)
        else:
            text = self._marks.get(step.kind, " ") + step.text
            _put(letters, self._line_of(step.source) + 1, _short(text, self._column - 2))
        if step.kind == "end" or step.closes:
            self._depth[step.source] -= 1
        return "".join(letters)

    def _arrow(self, letters: list[str], step: Step) -> None:
        a, b = self._line_of(step.source), self._line_of(step.target)
        low, high = min(a, b), max(a, b)
        letters[low + 1 : high] = self._line * (high - low - 1)
        letters[high - 1 if b > a else low + 1] = self._right if b > a else self._left
        _put(letters, low + 3, f" {_short(step.text, high - low - 5)} ")


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _put(letters: list[str], at: int, text: str) -> None:
    """Write a text into a row, which grows as far as needed."""
    letters.extend(" " * (at + len(text) - len(letters)))
    letters[at : at + len(text)] = text


def strip(trace: Trace, *, width: int = 120, unicode: bool = True) -> str:
    """Draw a row per lane, and per moment the letter of what it did most, or on the GIL's lane of who held it."""
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
    keys = [f"{_LETTERS[name][not unicode]} {CATEGORY_LABELS[name]}" for name in CATEGORIES if name in used]
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
