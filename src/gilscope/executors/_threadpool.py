"""A reference, not an executor to choose: ThreadPoolExecutor of the standard library."""

from __future__ import annotations

from gilscope.core.spec import Availability, Impl
from gilscope.executors._futures import open_threads as open_pool

__all__ = ["availability", "open_pool"]


def availability(impl: Impl, start_method: str = "") -> Availability:
    """It runs every chunked implementation."""
    return Availability(ok=True)
