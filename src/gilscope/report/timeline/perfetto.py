"""A trace in Chrome's trace-event format, which ui.perfetto.dev and chrome://tracing open.

See "Trace Event Format" (Google, 2016). Perfetto drops slices of a thread that are neither disjoint nor nested to the
nanosecond, and cuts ``dur`` x 1000 to a whole number. It names threads by ``tid`` alone, and takes a ``tid`` that is a
``pid`` for a main thread. ``displayTimeUnit`` is left out: old versions read ``ts`` in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from gilscope.core.trace import Message, Trace, lane_of_group


def perfetto(trace: Trace) -> str:
    """Return the text of the file; times count from the start of the trace."""
    about = {"title": trace.title, "notes": "; ".join(trace.notes)}
    document = {"otherData": about, "traceEvents": list(trace_events(trace))}
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def trace_events(trace: Trace) -> Iterator[dict[str, Any]]:
    """Yield the events: a process per group of lanes, a thread per lane."""
    lanes = {lane: lane_of_group(lane) for lane in trace.lanes}
    pids = {group: pid for pid, group in enumerate(dict.fromkeys(group for group, _ in lanes.values()), start=1)}
    numbered = enumerate(lanes.items(), len(pids) + 1)
    place = {lane: {"pid": pids[group], "tid": tid} for tid, (lane, (group, _)) in numbered}
    for group, pid in pids.items():
        first = next(found for found in place.values() if found["pid"] == pid)
        yield _metadata("process_name", first, {"name": group or trace.title or "gilscope"})
    for number, (lane, (_, name)) in enumerate(lanes.items()):
        yield _metadata("thread_name", place[lane], {"name": name})
        yield _metadata("thread_sort_index", place[lane], {"sort_index": number})
    origin = trace.start_ns
    for event in trace.spans():
        yield {
            "ph": "X",
            "name": event.name,
            "cat": event.category,
            "ts": _microseconds(event.start_ns - origin),
            "dur": _microseconds(event.end_ns - event.start_ns),
            **place[event.lane],
        }
    for number, message in enumerate(trace.messages, start=1):
        yield from _message(message, number, place, origin)


def _microseconds(ns: int) -> float:
    """Return the number nearest above that is still so many nanoseconds after x 1000 has been cut to a whole number."""
    found = ns / 1000
    return found if int(found * 1000.0) == ns else math.nextafter(found, math.inf)


def _metadata(name: str, place: dict[str, int], arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": name, "cat": "__metadata", "ts": 0, **place, "args": arguments}


def _message(message: Message, number: int, place: dict[str, dict[str, int]], origin: int) -> Iterator[dict[str, Any]]:
    shared = {"name": message.name, "cat": "message"}
    sent = {"ts": _microseconds(message.sent_ns - origin), **place[message.source]}
    if message.received_ns is None:
        yield {"ph": "i", "s": "t", **shared, **sent, "args": {"to": message.target}}
        return
    yield {"ph": "s", "id": number, **shared, **sent}
    received = {"ts": _microseconds(message.received_ns - origin), **place[message.target]}
    yield {"ph": "f", "bp": "e", "id": number, **shared, **received}
