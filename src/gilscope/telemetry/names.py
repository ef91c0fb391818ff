"""Names of the threads that lived while something was measured, including those that have ended.

``threading`` forgets a thread when it ends, so names are taken when threads start. ``Thread.start`` is wrapped for that
while something is measured: under a microsecond per thread, and nothing per byte code, unlike a profile or trace hook.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

_lock = threading.Lock()
_watching: list[ThreadNames] = []
_start: Any = None


def _watched_start(self: threading.Thread, *args: Any, **kwargs: Any) -> Any:
    result = _start(self, *args, **kwargs)  # returns when the thread runs, so it has its native id
    for names in tuple(_watching):
        names.add(self)
    return result


class Names(Protocol):
    """Names of threads by native id, as they are from ``start()`` to ``stop()``."""

    by_native_id: dict[int, str]

    def start(self) -> None:
        """Begin."""

    def refresh(self) -> None:
        """Take the names of all living threads."""

    def stop(self) -> None:
        """Take the last names; a second call does nothing."""


class ThreadNames:
    """Thread names by native id, from ``start()`` to ``stop()``."""

    def __init__(self) -> None:
        self.by_native_id: dict[int, str] = {}

    def add(self, thread: threading.Thread) -> None:
        """Remember a running thread."""
        if thread.native_id is not None:
            self.by_native_id[thread.native_id] = thread.name

    def refresh(self) -> None:
        """Take the names of all living threads: they may have been renamed since they started."""
        for thread in threading.enumerate():
            self.add(thread)

    def start(self) -> None:
        """Watch threads start."""
        global _start
        self.refresh()
        with _lock:
            if not _watching:
                _start = threading.Thread.start
                threading.Thread.start = _watched_start  # type: ignore[method-assign]
            _watching.append(self)

    def stop(self) -> None:
        """Stop watching; a second call does nothing."""
        with _lock:
            if self not in _watching:
                return
            _watching.remove(self)
            # If other code wrapped it after us, ours stays inside theirs and only calls through.
            if not _watching and threading.Thread.start is _watched_start:
                threading.Thread.start = _start  # type: ignore[method-assign]
        self.refresh()
