"""A reference, not an executor to choose: ProcessPoolExecutor of the standard library."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from gilscope.executors._futures import FuturesPool
from gilscope.executors._process_worker import die_with_parent
from gilscope.executors.processes import default_start_method


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> FuturesPool:
    """Return the pool; it starts processes when a case is bound."""
    context = multiprocessing.get_context(start_method or default_start_method())
    return FuturesPool(lambda workers: ProcessPoolExecutor(workers, context, initializer=die_with_parent))
