"""The sequence diagram of a trace in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from gilscope.core.trace import Trace, by_group, duration, is_gil
from gilscope.studies.traced.steps import MAX_STEPS, Step, speakers, steps

__all__ = ["draw"]

_COLUMN = 36  # characters per lane, where the terminal is wide enough
_CLOCK = 10  # characters of the time at the left


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
