"""Who sent whom what, in order: the steps of a sequence diagram, from the events of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.core.trace import Trace, duration, is_gil

__all__ = ["MAX_SPEAKERS", "MAX_STEPS", "Step", "speakers", "steps"]

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
        text = f"{event.name}: {duration(end - start)}" if end > start else event.name
        begin = Step(kind="begin", source=lane, target=lane, text=event.name, at_ns=start - origin)
        found.append(_Item(start, 2, begin, number))
        found.append(_Item(end, 0, Step(kind="end", source=lane, target=lane, text=text, at_ns=end - origin), number))
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
