"""The sequence diagram as a picture: a lifeline per lane, time downwards, bars of what it did, arrows of messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from gilscope.core.trace import Event, Message, Trace, by_lane, duration, is_gil
from gilscope.report.svg import Markup, tag
from gilscope.report.timeline.picture import CSS
from gilscope.studies.traced.steps import MAX_SPEAKERS

MOST_MOMENTS = 80  # more make a picture that no screen shows at once: the timeline has room for them
_LEFT, _COLUMN, _RIGHT = 62.0, 170.0, 40.0  # px: the clock, the most a lane gets, the end of the last text
_HEAD, _ROW, _STRETCH = 34.0, 15.0, 150.0  # px: the names, the least between two moments, and what time adds to all
_BAR, _NEST = 12.0, 5.0
_FEW = 4  # moments: the clock shows those that are apart


def in_sequence(trace: Trace) -> bool:
    """Whether a sequence diagram shows a trace well: lanes speak to each other, not too often, without a GIL lane."""
    few = 2 * len(trace.events) + len(trace.messages) <= MOST_MOMENTS and len(trace.lanes) <= MAX_SPEAKERS
    return few and bool(trace.messages) and not any(map(is_gil, trace.lanes))


def without_gil(trace: Trace) -> Trace:
    """Return a trace without the lane of the GIL's holder, which speaks to nobody."""
    events = tuple(event for event in trace.events if not is_gil(event.lane))
    return replace(trace, events=events, order=tuple(lane for lane in trace.order if not is_gil(lane)))


@dataclass(frozen=True, slots=True)
class _Frame:
    lanes: tuple[str, ...]
    column: float
    y: Mapping[int, float]  # by moment

    def x(self, lane: str) -> float:
        return _LEFT + (self.lanes.index(lane) + 0.3) * self.column

    @property
    def bottom(self) -> float:
        return max(self.y.values(), default=_HEAD) + _ROW


def sequence_svg(trace: Trace, *, title: str = "", width: int = 760, ident: str = "sequence") -> str:
    """Draw the sequence diagram as one self-contained ``<svg>`` element; arguments as of ``svg``.

    Moments are in order, and the further apart in time, the further apart in the picture, though not to scale.
    """
    title, lanes = title or trace.title or "Sequence diagram", trace.lanes
    frame = _Frame(lanes, min(_COLUMN, (width - _LEFT - _RIGHT) / max(1, len(lanes))), _places(trace))
    events = by_lane(trace)
    wide = _LEFT + len(lanes) * frame.column + _RIGHT
    height = frame.bottom + 8.0 + 15.0 * len(trace.notes)
    return tag(
        "svg",
        tag("title", title, id=f"{ident}-title"),
        tag("desc", _described(trace), id=f"{ident}-desc"),
        tag("style", Markup(CSS)),
        *_clock(frame, trace),
        *(part for lane in lanes for part in _lifeline(frame, lane)),
        *(part for lane in lanes for part in _bars(frame, events[lane])),
        *(part for message in trace.messages for part in _arrow(frame, message)),
        *(tag("text", note, class_="soft", x=4, y=frame.bottom + 15.0 * n) for n, note in enumerate(trace.notes, 1)),
        class_="timeline",
        viewBox=f"0 0 {wide:.0f} {height:.0f}",
        width=Markup("100%"),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{ident}-title {ident}-desc",
        style=f"max-width:{wide:.0f}px;height:auto",
    )


def _places(trace: Trace) -> dict[int, float]:
    """Return where each moment is: in order, at least a row apart, and further the more time has passed."""
    told = {message.sent_ns for message in trace.messages}
    moments = sorted({*told, *(moment for e in trace.events for moment in (e.start_ns, e.end_ns))})
    span = max(1, trace.end_ns - trace.start_ns)
    y = _HEAD + 1.6 * _ROW
    places = {moments[0]: y} if moments else {}
    for before, moment in pairwise(moments):
        y += _ROW * (1.3 if moment in told else 1.0) + _STRETCH * (moment - before) / span
        places[moment] = y
    return places


def _described(trace: Trace) -> str:
    said = [(m.sent_ns, f"{m.source} to {m.target}: {m.name}") for m in trace.messages]
    did = [(e.start_ns, f"{e.lane}: {e.name}, {duration(e.end_ns - e.start_ns)}") for e in trace.events]
    return "; ".join(text for _, text in sorted([*said, *did])) or "Nothing happened."


def _clock(frame: _Frame, trace: Trace) -> Iterator[Markup]:
    last = 0.0
    for moment, y in frame.y.items():
        if y - last >= _FEW * _ROW or not last:
            yield tag("text", duration(moment - trace.start_ns), class_="soft end", x=_LEFT - 14, y=y + 4)
            last = y


def _lifeline(frame: _Frame, lane: str) -> Iterator[Markup]:
    x, letters = frame.x(lane), int(frame.column / 7)
    shown = lane if len(lane) <= letters else "…" + lane[-(letters - 1) :]
    yield tag("line", class_="grid", x1=x, x2=x, y1=_HEAD - 6.0, y2=frame.bottom)
    yield tag("text", shown, *([tag("title", lane)] if shown != lane else []), class_="head mid", x=x, y=20)


def _bars(frame: _Frame, events: list[Event]) -> Iterator[Markup]:
    open_ends: list[int] = []
    for event in events:
        while open_ends and open_ends[-1] <= event.start_ns:
            open_ends.pop()
        x, top = frame.x(event.lane) - _BAR / 2 + _NEST * len(open_ends), frame.y[event.start_ns]
        open_ends.append(event.end_ns)
        what = f"{event.name}: {duration(event.end_ns - event.start_ns)}"
        tall = max(2.0, frame.y[event.end_ns] - top)
        bar = {"x": x, "y": top, "width": _BAR, "height": tall, "rx": 2.0}
        yield tag("rect", tag("title", what), class_=f"bar c-{event.category}", **bar)
        yield tag("text", what, class_="halo", x=x + _BAR + 4, y=top + min(tall / 2, 22.0) + 4)


def _arrow(frame: _Frame, message: Message) -> Iterator[Markup]:
    if message.source == message.target:
        return
    start, end, y = frame.x(message.source), frame.x(message.target), frame.y[message.sent_ns]
    right = 1.0 if end > start else -1.0
    start, end = start + right * _BAR / 2, end - right * _BAR / 2
    yield tag("path", class_="arrow", d=f"M{start:.1f} {y:.1f}H{end:.1f}")
    yield tag("path", class_="tip", d=f"M{end:.1f} {y:.1f}l{-6 * right:.0f} -3v6z")
    yield tag("text", message.name, class_="halo mid", x=(start + end) / 2, y=y - 4)
