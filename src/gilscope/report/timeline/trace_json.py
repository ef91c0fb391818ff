"""A trace as JSON, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from gilscope.trace import Event, Message, Trace

__all__ = ["TRACE_SCHEMA", "StoredTrace", "trace_document"]

TRACE_SCHEMA, TRACE_SCHEMA_VERSION = "gilscope.trace", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrace:
    """What is kept of a trace; times count from its start.

    Parameters
    ----------
    lanes : tuple of str
        In their order.
    events : tuple of Event
    messages : tuple of Message
    notes : tuple of str
    """

    lanes: tuple[str, ...]
    events: tuple[Event, ...]
    messages: tuple[Message, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, trace: Trace, most_events: int | None = None) -> StoredTrace:
        """Return what is kept of a trace.

        Parameters
        ----------
        most_events : int, optional
            Beyond so many the shortest are left out.
        """
        origin, kept = trace.start_ns, trace.spans()
        if most_events is not None and len(kept) > most_events:
            longest = sorted(kept, key=lambda event: event.start_ns - event.end_ns)[:most_events]
            kept = tuple(sorted(longest, key=lambda event: (event.start_ns, -event.end_ns)))
        return cls(
            lanes=trace.lanes,
            events=tuple(replace(e, start_ns=e.start_ns - origin, end_ns=e.end_ns - origin) for e in kept),
            messages=tuple(
                replace(m, sent_ns=m.sent_ns - origin, received_ns=_since(origin, m.received_ns))
                for m in trace.messages
            ),
            notes=trace.notes,
        )

    def trace(self, title: str) -> Trace:
        """Return the trace it was made of."""
        return Trace(title=title, events=self.events, messages=self.messages, order=self.lanes, notes=self.notes)


def _since(origin_ns: int, moment_ns: int | None) -> int | None:
    return None if moment_ns is None else moment_ns - origin_ns


def trace_document(trace: Trace) -> dict[str, Any]:
    """Return everything of a trace."""
    head = {"schema": TRACE_SCHEMA, "schema_version": TRACE_SCHEMA_VERSION, "title": trace.title}
    return {**head, **asdict(StoredTrace.of(trace))}
