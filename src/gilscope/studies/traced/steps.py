"""The steps of a sequence diagram, in order, from the events of a trace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.core.trace import Trace, duration, is_gil

MAX_STEPS = 60  # nobody reads a longer diagram; a note reports what is left out
MAX_SPEAKERS = 12  # nor a wider one
_AHEAD = 20  # times as many moments are considered, so that what begins among them is found to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a sequence diagram; only messages have a target other than the source.

    A ``note`` is a span in which nothing else happened; ``begin`` and ``end`` belong to one in which something did.
    """

    kind: Literal["message", "note", "begin", "end"]
    source: str  # a lane
    target: str
    text: str
    at_ns: int  # since the start of the trace
    opens: bool = False  # begins a span of its target
    closes: bool = False  # ends a span of its source


@dataclass(slots=True)
class _Moment:
    at_ns: int
    rank: int  # at one time: ends, then messages, then begins
    step: Step
    span: int = -1
    gone: bool = False


def steps(trace: Trace) -> list[Step]:
    """Return what happened, in order.

    A message that makes a lane work opens it, and the first one the lane sends after that closes it; lanes that send
    before they receive are never opened. A span in which its lane neither sent nor received is a note. The GIL sends
    nothing and is left to the timeline. What comes after ``MAX_STEPS`` is left out.
    """
    moments = sorted(_moments(trace), key=lambda one: (one.at_ns, one.rank))[: _AHEAD * MAX_STEPS]
    for lane in speakers(trace):
        own = [one for one in moments if lane in (one.step.source, one.step.target)]
        _open_and_close(lane, own)
        _note(own)
    return [one.step for one in moments if not one.gone][:MAX_STEPS]


def speakers(trace: Trace) -> tuple[str, ...]:
    """Return the lanes of the diagram: the first ``MAX_SPEAKERS``, without the GIL's."""
    return tuple(lane for lane in trace.lanes if not is_gil(lane))[:MAX_SPEAKERS]


def _moments(trace: Trace) -> Iterator[_Moment]:
    origin, lanes = trace.start_ns, set(speakers(trace))
    for message in trace.messages:
        source, target, sent = message.source, message.target, message.sent_ns
        if {source, target} <= lanes:
            step = Step(kind="message", source=source, target=target, text=message.name, at_ns=sent - origin)
            yield _Moment(sent, 1, step)
    for number, event in enumerate(event for event in trace.events if event.lane in lanes):
        start, end, lane = event.start_ns, event.end_ns, event.lane
        text = f"{event.name}: {duration(end - start)}" if end > start else event.name
        begin = Step(kind="begin", source=lane, target=lane, text=event.name, at_ns=start - origin)
        yield _Moment(start, 2, begin, number)
        yield _Moment(end, 0, replace(begin, kind="end", text=text, at_ns=end - origin), number)


def _open_and_close(lane: str, own: Sequence[_Moment]) -> None:
    """Mark the messages that open and close a lane."""
    first = next((item for item in own if _between(item.step)), None)
    if first is None or first.step.source == lane:
        return
    opened: _Moment | None = None
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


def _note(own: Sequence[_Moment]) -> None:
    """Make notes of the spans in which nothing else happened on their lane."""
    at = {item.span: index for index, item in enumerate(own) if item.step.kind == "begin"}
    for index, item in enumerate(own):
        if item.step.kind != "end" or item.span not in at:
            continue
        begin = own[at[item.span]]
        if index == at[item.span] + 1:
            begin.step, item.gone = replace(begin.step, kind="note", text=item.step.text), True
