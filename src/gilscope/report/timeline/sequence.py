"""Who told whom what, in order: the steps of a sequence diagram from measured events, and the terminal's drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.trace import Trace, by_group, duration, is_gil

__all__ = ["MAX_SPEAKERS", "MAX_STEPS", "Step", "draw", "speakers", "steps"]

MAX_STEPS = 60  # a longer diagram is not read; what is left out is said
MAX_SPEAKERS = 12  # likewise a wider one
_LOOKED_AT = 20  # times as many items are looked at, so that the ends are found of what begins among them


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a sequence diagram.

    Parameters
    ----------
    kind : {"message", "note", "begin", "end"}
        ``note`` is a span in which nothing else happened; ``begin`` and ``end`` are those of a span in which
        something did.
    source, target : str
        Lanes; the same for all but messages.
    text : str
    at_ns : int
        Since the start of the trace.
    opens, closes : bool
        Whether the target of a message begins, or its source has ended, a span by it.
    """

    kind: Literal["message", "note", "begin", "end"]
    source: str
    target: str
    text: str
    at_ns: int
    opens: bool = False
    closes: bool = False


@dataclass(slots=True)
class _Item:
    at_ns: int
    rank: int  # of what happens at one moment: ends, then messages, then begins
    step: Step
    span: int = -1
    gone: bool = False


def steps(trace: Trace) -> list[Step]:
    """Return what happened, in order.

    A message that makes a lane work opens it, and the first one the lane sends after that closes it; lanes that speak
    before they are spoken to are never opened. A span in which its lane neither spoke nor was spoken to is a note.
    The GIL speaks to nobody and is left to the timeline. Beyond ``MAX_STEPS`` the rest is left out.
    """
    items = sorted(_items(trace), key=lambda item: (item.at_ns, item.rank))[: _LOOKED_AT * MAX_STEPS]
    for lane in speakers(trace):
        own = [item for item in items if lane in (item.step.source, item.step.target)]
        _open_and_close(lane, own)
        _note(own)
    return [item.step for item in items if not item.gone][:MAX_STEPS]


def speakers(trace: Trace) -> tuple[str, ...]:
    """Return the lanes of the diagram: the first ``MAX_SPEAKERS``, without the GIL's."""
    return tuple(lane for lane in trace.lanes if not is_gil(lane))[:MAX_SPEAKERS]


def _items(trace: Trace) -> list[_Item]:
    origin, lanes = trace.start_ns, set(speakers(trace))
    found = []
    for message in (message for message in trace.messages if {message.source, message.target} <= lanes):
        sent = message.sent_ns
        source, target, text = message.source, message.target, message.name
        step = Step(kind="message", source=source, target=target, text=text, at_ns=sent - origin)
        found.append(_Item(sent, 1, step))
    for number, event in enumerate(event for event in trace.events if event.lane in lanes):
        start, end, lane = event.start_ns, event.end_ns, event.lane
        told = f"{event.name}: {duration(end - start)}" if end > start else event.name
        begin = Step(kind="begin", source=lane, target=lane, text=event.name, at_ns=start - origin)
        found.append(_Item(start, 2, begin, number))
        found.append(_Item(end, 0, Step(kind="end", source=lane, target=lane, text=told, at_ns=end - origin), number))
    return found


def _open_and_close(lane: str, own: Sequence[_Item]) -> None:
    """Mark the messages that open and close a lane."""
    first = next((item for item in own if _between(item.step)), None)
    if first is None or first.step.source == lane:
        return
    opened: _Item | None = None
    worked = False
    for item in own:
        worked = worked or item.step.kind == "end"
        if not _between(item.step):
            continue
        if item.step.target == lane and opened is None:
            opened, worked = item, False
        elif item.step.source == lane and opened is not None and worked:
            opened.step, item.step = replace(opened.step, opens=True), replace(item.step, closes=True)
            opened = None


def _between(step: Step) -> bool:
    return step.kind == "message" and step.source != step.target


def _note(own: Sequence[_Item]) -> None:
    """Make notes of the spans in which nothing else happened on their lane."""
    at = {item.span: index for index, item in enumerate(own) if item.step.kind == "begin"}
    for index, item in enumerate(own):
        if item.step.kind != "end" or item.span not in at:
            continue
        begin = own[at[item.span]]
        if index == at[item.span] + 1:
            begin.step, item.gone = replace(begin.step, kind="note", text=item.step.text), True


# The terminal ---------------------------------------------------------------------------------------------------------

_COLUMN = 36  # characters per lane, where the terminal is wide enough
_CLOCK = 10  # characters of the time at the left


def draw(trace: Trace, *, width: int = 120, unicode: bool = True) -> str:
    """Draw the sequence diagram as text, the time since the start at the left; one diagram per group of lanes.

    Parameters
    ----------
    width : int
        Columns there are.
    unicode : bool
        Whether lines and arrows may be other than ASCII.
    """
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
        self._idle, self._busy, self._line = ("│", "┃", "─") if unicode else ("|", "#", "-")
        self._right, self._left = (">", "<") if not unicode else ("▶", "◀")

    def heads(self) -> str:
        """Return the names of the lanes."""
        names = "".join(_cut(lane, self._column - 2).ljust(self._column) for lane in self._lanes)
        return " " * _CLOCK + names

    def _line_of(self, lane: str) -> int:
        return _CLOCK + self._lanes.index(lane) * self._column + 1

    def row(self, step: Step) -> str:
        """Return the row of a step, and keep in mind who is busy after it."""
        if step.kind == "begin" or step.opens:
            self._depth[step.target] += 1
        letters = [" "] * (_CLOCK + self._column * len(self._lanes))
        for lane in self._lanes:
            letters[self._line_of(lane)] = self._busy if self._depth[lane] else self._idle
        _put(letters, 0, duration(step.at_ns).rjust(_CLOCK - 2))
        if step.kind == "message" and step.source != step.target:
            self._arrow(letters, step)
        else:
            mark = {"begin": "┐ " if self._busy == "┃" else "+ ", "end": "┘ " if self._busy == "┃" else "- "}
            text = mark.get(step.kind, " ") + step.text
            _put(letters, self._line_of(step.source) + 1, _short(text, self._column - 2))
        if step.kind == "end" or step.closes:
            self._depth[step.source] -= 1
        return "".join(letters)

    def _arrow(self, letters: list[str], step: Step) -> None:
        a, b = self._line_of(step.source), self._line_of(step.target)
        low, high = min(a, b), max(a, b)
        for position in range(low + 1, high):
            letters[position] = self._line
        letters[high - 1 if b > a else low + 1] = self._right if b > a else self._left
        room = high - low - 5
        if len(step.text) <= room:
            _put(letters, low + 3, f" {step.text} ")
        else:
            _put(letters, low + 3, f" {_short(step.text, room)} ")


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else "…" + text[-(room - 1) :]


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _put(letters: list[str], at: int, text: str) -> None:
    """Write a text into a row, which grows as far as needed."""
    letters.extend(" " * (at + len(text) - len(letters)))
    letters[at : at + len(text)] = text
