"""A trace as a JSON-able document, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gilscope.trace import Event, Message, Trace

__all__ = ["TRACE_SCHEMA", "trace_document", "trace_from", "trace_values"]

TRACE_SCHEMA, TRACE_SCHEMA_VERSION = "gilscope.trace", 1


def trace_document(trace: Trace) -> dict[str, Any]:
    """Return everything of a trace."""
    head = {"schema": TRACE_SCHEMA, "schema_version": TRACE_SCHEMA_VERSION, "title": trace.title}
    return head | trace_values(trace)


def trace_values(trace: Trace, most_events: int | None = None) -> dict[str, Any]:
    """Return lanes, events, messages and notes; times count from the start of the trace.

    Parameters
    ----------
    most_events : int, optional
        Beyond so many the shortest are left out.
    """
    origin, kept = trace.start_ns, trace.spans()
    if most_events is not None and len(kept) > most_events:
        longest = sorted(kept, key=lambda event: event.start_ns - event.end_ns)[:most_events]
        kept = tuple(sorted(longest, key=lambda event: (event.start_ns, -event.end_ns)))
    return {
        "lanes": list(trace.lanes),
        "events": [
            {**asdict(event), "start_ns": event.start_ns - origin, "end_ns": event.end_ns - origin} for event in kept
        ],
        "messages": [
            {
                **asdict(message),
                "sent_ns": message.sent_ns - origin,
                "received_ns": None if message.received_ns is None else message.received_ns - origin,
            }
            for message in trace.messages
        ],
        "notes": list(trace.notes),
    }


def trace_from(title: str, values: Mapping[str, Any]) -> Trace:
    """Return the trace that ``trace_values`` was made from."""
    return Trace(
        title=title,
        events=tuple(Event(**event) for event in values["events"]),
        messages=tuple(Message(**message) for message in values["messages"]),
        order=tuple(values["lanes"]),
        notes=tuple(values["notes"]),
    )
