"""A reference, not an executor to choose: ThreadPoolExecutor of the standard library."""

from concurrent.futures import ThreadPoolExecutor

from gilscope.executors._futures import FuturesPool


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> FuturesPool:
    """Return the pool; it starts threads when a case is bound."""
    return FuturesPool(ThreadPoolExecutor)
