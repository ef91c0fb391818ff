"""What happened when, on one clock: spans on lanes, messages between lanes, and how programs record them.

A lane does one thing at a time: a thread, process, interpreter or task, or the GIL, whose spans are named after its
holder. Its group is the text before its last slash: ``processes/worker-1``. Standard library only: workers record too.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from gilscope.core import clocks

Category: TypeAlias = Literal[
    "start", "import", "unpickle", "hand_over", "barrier", "compute", "wait", "sleep", "send", "gil", "state"
]
CATEGORIES: tuple[Category, ...] = get_args(Category)

GIL_LANE = "GIL"

SCHEMA, SCHEMA_VERSION = "gilscope.core.trace", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a lane did, by ``clocks.wall_ns``. Events of one lane are disjoint or nested."""

    lane: str
    name: str
    start_ns: int
    end_ns: int
    category: Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message from one lane to another; ``received_ns`` is None where the arrival was not timed."""

    source: str
    target: str
    name: str
    sent_ns: int
    received_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Events and messages on one clock, in any order.

    ``order`` has the lanes to show first; the others follow as they appear. ``notes`` are what a reader must know about
    the measurement; ``facts`` is whatever else was recorded, JSON-able.
    """

    title: str
    events: tuple[Event, ...]
    messages: tuple[Message, ...] = ()
    order: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lanes(self) -> tuple[str, ...]:
        """All lanes: those of ``order`` that appear, then the others in order of their first moment."""
        moments = [(event.start_ns, event.lane) for event in self.events]
        moments += [(message.sent_ns, lane) for message in self.messages for lane in (message.source, message.target)]
        present = dict.fromkeys(lane for _, lane in sorted(moments))
        return tuple(dict.fromkeys([*(lane for lane in self.order if lane in present), *present]))

    @property
    def start_ns(self) -> int:
        """The first moment; 0 when nothing happened."""
        sent = (message.sent_ns for message in self.messages)
        return min((*(event.start_ns for event in self.events), *sent), default=0)

    @property
    def end_ns(self) -> int:
        """The last moment; 0 when nothing happened."""
        moments = (message.received_ns or message.sent_ns for message in self.messages)
        return max((*(event.end_ns for event in self.events), *moments), default=0)

    def spans(self, lane: str | None = None, name: str | None = None) -> tuple[Event, ...]:
        """Return events in order of their start: all, or those of one lane or name."""
        chosen = (e for e in self.events if lane in (None, e.lane) and name in (None, e.name))
        return tuple(sorted(chosen, key=_by_start))


def _by_start(event: Event) -> tuple[int, int]:
    return event.start_ns, -event.end_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrace:
    """The stored form of a trace; times count from its start."""

    lanes: tuple[str, ...]
    events: tuple[Event, ...]
    messages: tuple[Message, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, trace: Trace, most_events: int | None = None) -> StoredTrace:
        """Return the stored form of a trace, with the longest ``most_events`` events only."""
        origin, kept = trace.start_ns, trace.spans()

        def since(moment_ns: int | None) -> int | None:
            return None if moment_ns is None else moment_ns - origin

        if most_events is not None and len(kept) > most_events:
            longest = sorted(kept, key=lambda event: event.start_ns - event.end_ns)[:most_events]
            kept = tuple(sorted(longest, key=_by_start))
        messages = (replace(m, sent_ns=m.sent_ns - origin, received_ns=since(m.received_ns)) for m in trace.messages)
        return cls(
            lanes=trace.lanes,
            events=tuple(replace(e, start_ns=e.start_ns - origin, end_ns=e.end_ns - origin) for e in kept),
            messages=tuple(messages),
            notes=trace.notes,
        )

    def trace(self, title: str) -> Trace:
        """Return the trace it was made of."""
        return Trace(title=title, events=self.events, messages=self.messages, order=self.lanes, notes=self.notes)


def trace_document(trace: Trace) -> dict[str, Any]:
    """Return the document of ``gilscope trace --json``."""
    head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "title": trace.title}
    return {**head, **asdict(StoredTrace.of(trace))}


def by_lane(trace: Trace) -> dict[str, list[Event]]:
    """Return the events of every lane in order of their start, in one pass."""
    lanes: dict[str, list[Event]] = {lane: [] for lane in trace.lanes}
    for event in trace.spans():
        lanes[event.lane].append(event)
    return lanes


def by_group(trace: Trace) -> tuple[Trace, ...]:
    """Return a trace per group of lanes, titled by the group and with the lanes' own names.

    Facts and messages between groups are left out. A trace without groups is returned unchanged.
    """
    split = {lane: lane_of_group(lane) for lane in trace.lanes}
    groups = dict.fromkeys(group for group, _ in split.values())
    if set(groups) <= {""}:
        return (trace,)
    return tuple(
        Trace(
            title=group,
            events=tuple(replace(e, lane=split[e.lane][1]) for e in trace.events if split[e.lane][0] == group),
            messages=tuple(
                replace(m, source=split[m.source][1], target=split[m.target][1])
                for m in trace.messages
                if {split[m.source][0], split[m.target][0]} == {group}
            ),
            order=tuple(name for own, name in split.values() if own == group),
        )
        for group in groups
    )


def lane_of_group(lane: str) -> tuple[str, str]:
    """Split a lane into its group (may be empty) and its own name."""
    group, _, name = lane.rpartition("/")
    return group, name


_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def unit_of(span_ns: float) -> tuple[int, str]:
    """Return nanoseconds and name of the largest unit that is not longer than ``span_ns``."""
    return next(((size, name) for size, name in _UNITS if span_ns >= size), _UNITS[-1])


def duration(span_ns: float) -> str:
    """Return a duration as text with three digits: ``1.5 ms``."""
    size, name = unit_of(span_ns)
    value = span_ns / size
    return f"{value:.3g} {name}" if value < 1000 else f"{value:.0f} {name}"


def is_gil(lane: str) -> bool:
    """Whether a lane is that of the GIL's holder, of any group."""
    return lane_of_group(lane)[1] == GIL_LANE


class Recorder:
    """Records what happens, from any number of threads, processes and interpreters, in one file.

    Each record is one line, appended by a single write: lines of several writers do not mix (``O_APPEND``), and what
    was written before a crash is kept. A record costs a few microseconds. A recorder can be sent to other processes;
    sub-interpreters make their own for the same path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._fd = -1
        self._token, self._numbers = os.urandom(6).hex(), itertools.count()

    def __reduce__(self) -> tuple[Any, ...]:
        return (Recorder, (self.path,))

    def _write(self, record: list[Any]) -> None:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._fd, json.dumps(record, separators=(",", ":")).encode() + b"\n")

    @contextmanager
    def span(self, lane: str, name: str, category: Category = "compute") -> Iterator[None]:
        """Record that ``lane`` does ``name`` while the body of the ``with`` statement runs."""
        # Sub-interpreters share the process id, forked children have their parent's token and count.
        key = f"{os.getpid()}-{self._token}-{next(self._numbers)}"
        self._write(["begin", key, lane, name, category, clocks.wall_ns()])
        try:
            yield
        finally:
            self._write(["end", key, clocks.wall_ns()])

    def did(self, lane: str, name: str, start_ns: int, end_ns: int, category: Category = "compute") -> None:
        """Record a span that was timed elsewhere."""
        self._write(["did", lane, name, start_ns, end_ns, category])

    def tell(self, source: str, target: str, name: str) -> None:
        """Record that ``source`` sends ``target`` a message now."""
        self._write(["message", source, target, name, clocks.wall_ns()])

    def fact(self, name: str, value: Any) -> None:
        """Record a JSON-able value; a later one of the same name replaces it."""
        self._write(["fact", name, value])

    def trace(self, title: str = "", *, order: Sequence[str] = (), notes: Sequence[str] = ()) -> Trace:
        """Return everything recorded so far.

        A span that was never ended says so in its name, and lasts until the lane's next message or the last record.
        """
        try:
            with open(self.path, "rb") as file:
                records = [json.loads(line) for line in file if line.endswith(b"\n")]
        except FileNotFoundError:
            records = []
        return _read(records, title, tuple(order), tuple(notes))

    def close(self) -> None:
        """Close the file. Idempotent; the next record opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _read(records: Sequence[list[Any]], title: str, order: tuple[str, ...], notes: tuple[str, ...]) -> Trace:
    events: list[Event] = []
    messages: list[Message] = []
    begun: dict[str, tuple[str, str, Category, int]] = {}
    facts: dict[str, Any] = {}
    last = 0

    def add(lane: str, name: str, category: Category, start_ns: int, end_ns: int) -> None:
        events.append(Event(lane=lane, name=name, start_ns=start_ns, end_ns=end_ns, category=category))

    for kind, *rest in records:
        if kind == "fact":
            facts[rest[0]] = rest[1]
            continue
        last = max(last, rest[-1] if isinstance(rest[-1], int) else rest[-2])
        if kind == "begin":
            key, lane, name, category, start = rest
            begun[key] = (lane, name, category, start)
        elif kind == "end" and rest[0] in begun:
            add(*begun.pop(rest[0]), rest[1])
        elif kind == "did":
            lane, name, start, end, category = rest
            add(lane, name, category, start, end)
        elif kind == "message":
            source, target, name, sent = rest
            messages.append(Message(source=source, target=target, name=name, sent_ns=sent))
    for lane, name, category, start in begun.values():  # their writers died; the lane's next message reports it
        end = min((m.sent_ns for m in messages if m.source == lane and m.sent_ns > start), default=last)
        add(lane, f"{name} (never ended)", category, start, max(start, end))
    events.sort(key=_by_start)
    messages.sort(key=lambda message: message.sent_ns)
    return Trace(title=title, events=tuple(events), messages=tuple(messages), order=order, notes=notes, facts=facts)
