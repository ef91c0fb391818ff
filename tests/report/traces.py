"""Traces made by hand, and a check of what Chrome's trace-event format asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from gilscope.core.trace import Category, Event, Message, Trace

MS = 1_000_000


def event(lane: str, name: str, start_ms: float, end_ms: float, category: Category = "compute") -> Event:
    """Return an event with times in milliseconds."""
    return Event(lane=lane, name=name, start_ns=int(start_ms * MS), end_ns=int(end_ms * MS), category=category)


def message(source: str, target: str, name: str, sent_ms: float, received_ms: float | None = None) -> Message:
    """Return a message with times in milliseconds."""
    received = None if received_ms is None else int(received_ms * MS)
    return Message(source=source, target=target, name=name, sent_ns=int(sent_ms * MS), received_ns=received)


def two_sleeps() -> Trace:
    """Two threads that sleep at the same time."""
    return Trace(
        title="two sleeps",
        events=(
            event("sleep1", "asleep", 2, 102, "sleep"),
            event("sleep2", "asleep", 3, 103, "sleep"),
            event("main", "join", 3.5, 104, "wait"),
        ),
        messages=(
            message("main", "sleep1", "sleep 1st time", 1, 2),
            message("main", "sleep2", "sleep 2nd time", 2.5, 3),
            message("sleep1", "main", "done sleeping 1st time", 102),
            message("sleep2", "main", "done sleeping 2nd time", 103),
        ),
        order=("main", "sleep1", "sleep2"),
    )


NASTY = "a</text><script>alert(1)</script>\"'&;#end%%{x}\n->>b: c\\ \x07 ✓"


def nasty() -> Trace:
    """Names with everything in them that means something to somebody."""
    return Trace(
        title=NASTY,
        events=(event(NASTY, NASTY, 0, 5), event("end", NASTY, 1, 2, "gil")),
        messages=(message(NASTY, "end", NASTY, 0.5), message("end", NASTY, "loop: alt", 3, 4)),
        notes=(NASTY,),
    )


# As "Trace Event Format" (Google, 2016) and Perfetto's page on JSON traces describe it.
_NUMBER = {"type": "number", "minimum": 0}
_PLACE = {"pid": {"type": "integer"}, "tid": {"type": "integer"}, "name": {"type": "string"}, "cat": {"type": "string"}}


def _phase(letters: list[str], required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "properties": {"ph": {"enum": letters}, "ts": _NUMBER, "args": {"type": "object"}, **_PLACE, **properties},
        "required": ["ph", "ts", "pid", "tid", "name", *required],
        "additionalProperties": False,
    }


TRACE_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "otherData": {"type": "object"},
        "traceEvents": {
            "type": "array",
            "items": {
                "type": "object",
                "oneOf": [
                    _phase(["X"], ["dur", "cat"], dur=_NUMBER),
                    _phase(["i"], ["s", "cat"], s={"enum": ["g", "p", "t"]}),
                    _phase(["s"], ["id", "cat"], id={"type": "integer"}),
                    _phase(["f"], ["id", "cat"], id={"type": "integer"}, bp={"const": "e"}),
                    {
                        **_phase(["M"], ["args"]),
                        "anyOf": [
                            {
                                "properties": {
                                    "name": {"enum": ["process_name", "thread_name"]},
                                    "args": {"required": ["name"], "properties": {"name": {"type": "string"}}},
                                }
                            },
                            {
                                "properties": {
                                    "name": {"enum": ["process_sort_index", "thread_sort_index"]},
                                    "args": {
                                        "required": ["sort_index"],
                                        "properties": {"sort_index": {"type": "integer"}},
                                    },
                                }
                            },
                        ],
                    },
                ],
            },
        },
    },
}


def imported(text: str) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Read a file as Perfetto's importer does (importers/json of its trace processor).

    Returns
    -------
    (slices, problems)
        Name, start and end in ns of each slice it keeps, and what it would drop, or show under a wrong name.
    """
    events = json.loads(text, parse_float=Decimal)["traceEvents"]
    timed = sorted((e for e in events if e["ph"] != "M"), key=lambda e: _text_to_ns(e["ts"]))
    open_until: dict[tuple[int, int], list[int]] = {}
    slices, problems = [], [*_misnamed(events)]
    for e in timed:
        start, stack = _text_to_ns(e["ts"]), open_until.setdefault((e["pid"], e["tid"]), [])
        if e["ph"] in "sf":  # bound to the slice that was begun last on their thread
            problems += [] if stack else [f"{e['name']} comes before any slice of its thread"]
            continue
        end = start + int(float(e.get("dur", 0)) * 1000.0)
        while len(stack) > 1 and stack[-1] <= start:
            stack.pop()
        if stack and start < stack[-1] < end:
            problems.append(f"{e['name']} overlaps what its thread does until {stack[-1]}")
            continue
        stack.append(end)
        slices += [(e["name"], start, end)] if e["ph"] == "X" else []
    return slices, problems


def _text_to_ns(microseconds: Decimal | int) -> int:
    """Cut the digits of a time behind the nanoseconds."""
    return int(microseconds * 1000)


def _misnamed(events: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield threads and processes that get no name, or that of another: it looks threads up by ``tid`` alone."""
    places = {(e["pid"], e["tid"]) for e in events}
    named = {(e["name"], e["pid"], e["tid"]) for e in events if e["ph"] == "M"}
    for pid, tid in sorted(places):
        if ("thread_name", pid, tid) not in named:
            yield f"thread {tid} has no name"
        if sum(other == tid for _, other in places) > 1 or tid in {number for number, _ in places}:
            yield f"the number {tid} is that of two threads, or of a process too"
        if not any(name == "process_name" and number == pid for name, number, _ in named):
            yield f"process {pid} has no name"
