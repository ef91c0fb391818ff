"""What the channels of processes and sub-interpreters share: segments they map themselves. Standard library only."""

from __future__ import annotations

from typing import Any

from gilscope.executors._shm import Segment

__all__ = ["MappedChannel"]


class MappedChannel:
    """Segments by key, each mapped once, and barriers on one of them.

    Parameters
    ----------
    tokens : object or None
        Where the compiled barrier is missing: the pipes of ``TokenBarrier``.
    """

    def __init__(self, tokens: Any) -> None:
        self.tokens = tokens
        self.segments: dict[str, Segment] = {}

    def memory(self, key: str) -> Any:
        """Return the memory of a segment taken over before."""
        return self.segments[key].map()

    def barrier(self, slot: int, parties: int, index: int, spin_ns: int) -> Any:
        """Return this worker's view of barrier number ``slot``."""
        # Imported here: the barrier is compiled, and a worker that never meets others need not load it.
        from gilscope.executors._pool import BARRIERS, open_barrier

        memory = None if self.tokens is not None else self.memory(BARRIERS)
        return open_barrier(memory, self.tokens, slot, parties, index, spin_ns)
