"""The timeline as a picture: a lane per worker, a bar per thing it did, and a lane for the holder of the GIL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gilscope.core.trace import (
    CATEGORIES,
    Category,
    Event,
    Message,
    Trace,
    by_lane,
    duration,
    is_gil,
    lane_of_group,
    unit_of,
)
from gilscope.report.palette import CATEGORY_PAINT, HOLDER_PAINT
from gilscope.report.svg import Markup, flowed, linear, nice_ticks, tag

CATEGORY_LABELS: dict[Category, str] = {
    **{name: name for name in CATEGORIES},
    "hand_over": "hand-over",
    "barrier": "wait for the barrier",
    "gil": "GIL held",
}
MAX_LANES = 64  # more are not readable in one picture
_MAX_ARROWS = 200  # more of them hide the bars
_MOST_DESCRIBED = 10  # things per lane in the text for those who cannot see it

_RIGHT = 20.0  # px right of the last moment: half a label of the axis
_LANE = 24.0
_BAR = 16.0
_CHARACTER = 6.2  # width of a letter of 11 px, on average
_MIN_BAR = 0.8  # px; what is narrower is drawn together with its neighbours

CSS = f"""
.timeline{{color:var(--ink,#1c2430);font:11px system-ui,-apple-system,"Segoe UI","Liberation Sans",Arial,sans-serif}}
.timeline text{{fill:currentColor}}
.timeline .soft{{fill:var(--soft,currentColor);fill-opacity:.85}}
.timeline .head{{font-size:13px;font-weight:600}}
.timeline .end{{text-anchor:end}}.timeline .mid{{text-anchor:middle}}
.timeline .halo{{paint-order:stroke;stroke:var(--card,#fff);stroke-width:3px}}
.timeline .grid{{stroke:currentColor;stroke-opacity:.15}}
.timeline .arrow{{stroke:currentColor;stroke-opacity:.6;fill:none}}
.timeline .tip{{fill:currentColor;fill-opacity:.6}}
.timeline .bar{{stroke:var(--card,#fff);stroke-width:.4}}
{"".join(f".timeline .c-{name}{{fill:{fill}}}" for name, (fill, _) in CATEGORY_PAINT.items())}
{"".join(f".timeline .i-{name}{{fill:{ink}}}" for name, (_, ink) in CATEGORY_PAINT.items())}
{"".join(f".timeline .h-{index}{{fill:{fill}}}" for index, fill in enumerate(HOLDER_PAINT))}
@media (prefers-color-scheme:dark){{.timeline{{color:var(--ink,#e6eaf0)}}.timeline .halo{{stroke:var(--card,#12151b)}}}}
"""


@dataclass(frozen=True, slots=True)
class _Frame:
    left: float
    top: float
    width: float
    lanes: tuple[str, ...]
    start_ns: int
    span_ns: int

    def x(self, moment_ns: float) -> float:
        return linear((0.0, float(self.span_ns)), (self.left, self.width - _RIGHT))(moment_ns - self.start_ns)

    def y(self, lane: str) -> float:
        """Return the middle of a lane."""
        return self.top + (self.lanes.index(lane) + 0.5) * _LANE

    @property
    def bottom(self) -> float:
        return self.top + len(self.lanes) * _LANE


def svg(events: Trace | Sequence[Event], *, title: str = "", width: int = 960, ident: str = "timeline") -> str:
    """Draw a timeline as one self-contained ``<svg>`` element.

    Inks follow the page's ``--ink``, ``--soft`` and ``--card`` where it has them, else the system's light or dark.
    ``width`` is in pixels, and the most; ``ident`` begins the ids inside and differs between the pictures of a page.
    """
    trace = events if isinstance(events, Trace) else Trace(title=title, events=tuple(events))
    title = title or trace.title or "Timeline"
    lanes = trace.lanes[:MAX_LANES]
    longest = max(map(len, lanes), default=0)
    present = {event.category for event in trace.events}
    used = [name for name in CATEGORIES if name in present]
    legend = flowed((24.0 + len(CATEGORY_LABELS[name]) * _CHARACTER for name in used), 4.0, width)
    frame = _Frame(
        left=min(0.35 * width, 14.0 + longest * _CHARACTER),
        top=30.0 + 18.0 * (legend[-1][1] + 1 if legend else 0),
        width=float(width),
        lanes=lanes,
        start_ns=trace.start_ns,
        span_ns=max(1, trace.end_ns - trace.start_ns),
    )
    missing = len(trace.lanes) - len(lanes)
    notes = [*([f"and {missing} more lanes, left out here"] if missing else []), *trace.notes]
    events_of = by_lane(trace)
    height = frame.bottom + 36.0 + 15.0 * len(notes)
    return tag(
        "svg",
        tag("title", title, id=f"{ident}-title"),
        tag("desc", _described(lanes, events_of), id=f"{ident}-desc"),
        tag("style", Markup(CSS)),
        tag("text", title, class_="head", x=4, y=16),
        *_legend(used, legend),
        *_axis(frame),
        *(part for lane in lanes for part in _lane(frame, lane, events_of[lane])),
        *_arrows(frame, trace.messages),
        *(tag("text", note, class_="soft", x=4, y=frame.bottom + 45.0 + 15.0 * n) for n, note in enumerate(notes)),
        class_="timeline",
        viewBox=f"0 0 {width} {height:.0f}",
        width=Markup("100%"),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{ident}-title {ident}-desc",
        style=f"max-width:{width}px;height:auto",
    )


def _described(lanes: Sequence[str], events_of: Mapping[str, Sequence[Event]]) -> str:
    parts = []
    for lane in lanes:
        sums = Counter[str]()
        for event in events_of[lane]:
            sums[event.name if is_gil(lane) else CATEGORY_LABELS[event.category]] += event.end_ns - event.start_ns
        most = sums.most_common(_MOST_DESCRIBED)
        if most:
            parts.append(f"{lane}: " + ", ".join(f"{what} {duration(spent)}" for what, spent in most))
    return "; ".join(parts) or "Nothing happened."


def _legend(used: Sequence[Category], places: Sequence[tuple[float, int]]) -> Iterator[Markup]:
    for name, (x, row) in zip(used, places, strict=True):
        y = 24.0 + 18.0 * row
        yield tag("rect", class_=f"bar c-{name}", x=x, y=y, width=10, height=10, rx=2)
        yield tag("text", CATEGORY_LABELS[name], class_="soft", x=x + 14.0, y=y + 9.0)


def _axis(frame: _Frame) -> Iterator[Markup]:
    size, name = unit_of(frame.span_ns)
    for tick in nice_ticks(frame.span_ns / size, 6):
        x = frame.x(frame.start_ns + tick * size)
        yield tag("line", class_="grid", x1=x, x2=x, y1=frame.top, y2=frame.bottom + 4.0)
        yield tag("text", f"{tick:g} {name}", class_="soft mid", x=x, y=frame.bottom + 17.0)


def _lane(frame: _Frame, lane: str, events: Sequence[Event]) -> Iterator[Markup]:
    y = frame.y(lane)
    letters = max(4, int((frame.left - 14.0) / _CHARACTER))
    shown = lane if len(lane) <= letters else "…" + lane[-(letters - 1) :]
    full = [tag("title", lane)] if shown != lane else []
    yield tag("text", shown, *full, class_="end", x=frame.left - 6, y=y + 4)
    yield tag("line", class_="grid", x1=frame.left, x2=frame.width - _RIGHT, y1=y, y2=y)
    holders: dict[str, int] = {}
    for bar in _bars(frame, events):
        yield from _drawn(frame, bar, y, holders)


@dataclass(slots=True)
class _Bar:
    """One event, or several of a kind too narrow to be drawn one by one."""

    event: Event
    depth: int
    end_ns: int
    count: int = 1
    busy_ns: int = 0


def _bars(frame: _Frame, events: Sequence[Event]) -> list[_Bar]:
    """Return what to draw of one lane: nested events inside their parent, narrow neighbours of a kind as one."""
    least_ns = _MIN_BAR / max(1.0, frame.width - _RIGHT - frame.left) * frame.span_ns
    bars: list[_Bar] = []
    open_ends: list[int] = []
    for event in events:
        while open_ends and open_ends[-1] <= event.start_ns:
            open_ends.pop()
        depth, length = len(open_ends), event.end_ns - event.start_ns
        open_ends.append(event.end_ns)
        last = bars[-1] if bars else None
        if (
            last is not None
            and length < least_ns
            and last.busy_ns < least_ns * last.count
            and (last.depth, last.event.category) == (depth, event.category)
            and event.start_ns - last.end_ns < least_ns
        ):
            last.end_ns, last.count, last.busy_ns = event.end_ns, last.count + 1, last.busy_ns + length
        else:
            bars.append(_Bar(event=event, depth=depth, end_ns=event.end_ns, busy_ns=length))
    return bars


def _drawn(frame: _Frame, bar: _Bar, y: float, holders: dict[str, int]) -> Iterator[Markup]:
    event = bar.event
    x, end = frame.x(event.start_ns), frame.x(bar.end_ns)
    wide, tall = max(_MIN_BAR, end - x), max(4.0, _BAR - 5.0 * bar.depth)
    paint = f"c-{event.category}"
    if event.category == "gil" and bar.count == 1:
        paint = f"h-{holders.setdefault(event.name, len(holders)) % len(HOLDER_PAINT)}"
    what = event.name if bar.count == 1 else f"{bar.count} x {CATEGORY_LABELS[event.category]}"
    begin = duration(event.start_ns - frame.start_ns)
    yield tag(
        "rect",
        tag("title", f"{lane_of_group(event.lane)[1]}: {what}, {duration(bar.busy_ns)}, from {begin}"),
        class_=f"bar {paint}",
        x=x,
        y=y + _BAR / 2 - tall,
        width=wide,
        height=tall,
        rx=min(2.0, wide / 3),
    )
    if bar.count == 1 and bar.depth == 0 and wide > len(event.name) * _CHARACTER + 6:
        ink = "i-compute" if paint in ("h-2", "h-4", "h-6") else f"i-{event.category}"
        yield tag("text", event.name, class_=f"mid {ink}", x=x + wide / 2, y=y + 4, pointer_events="none")


def _arrows(frame: _Frame, messages: Sequence[Message]) -> Iterator[Markup]:
    if len(messages) > _MAX_ARROWS:
        return
    for message in messages:
        if message.source == message.target or not {message.source, message.target} <= set(frame.lanes):
            continue
        x1, y1 = frame.x(message.sent_ns), frame.y(message.source)
        x2 = frame.x(message.received_ns if message.received_ns is not None else message.sent_ns)
        down = 1.0 if frame.y(message.target) > y1 else -1.0
        y2 = frame.y(message.target) - down * _BAR / 2
        text = tag("title", f"{message.source} to {message.target}: {message.name}")
        yield tag("path", text, class_="arrow", d=f"M{x1:.1f} {y1 + down * _BAR / 2:.1f}L{x2:.1f} {y2:.1f}")
        yield tag("path", class_="tip", d=f"M{x2:.1f} {y2:.1f}l-3 {-5 * down:.0f}h6z")
