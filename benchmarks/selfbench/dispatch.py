"""What the harness adds to handing out a task: empty chunks through a session against empty tasks handed over directly.

``python -m benchmarks.selfbench.dispatch [--pairs 60] [--workers 2]``: pairs in turn, first one then the other, so that
drift of the machine meets both. For ``loky`` and ``dask`` the upper bound of the ratio must stay below 1.15 (exit
status 1). ``threads``, ``interpreters`` and ``processes`` have workers of their own instead of an executor's: beside
them stand ThreadPoolExecutor and ProcessPoolExecutor doing the same.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gilscope import executors
from gilscope.core import targets
from gilscope.core.cases import Case
from gilscope.core.spec import Impl, KernelSpec, Work
from gilscope.core.units import NS_PER_S
from gilscope.executors._rounds import Task
from gilscope.executors._shm import Segment
from gilscope.executors.processes import default_start_method
from gilscope.stats import Estimate, median_interval

LIMIT = 1.15
HELD = ("loky", "dask")
BATCHES = 4  # of one side of a pair: shorter than what disturbs, longer than what a clock misses
WARM_PAIRS = 5

EMPTY = KernelSpec(
    name="empty",
    summary="nothing",
    regime="dispatch",
    sizes={"S": {}},
    extent=lambda params: 1 << 20,
    work=lambda params, result: Work(units=1, unit="tasks"),
    impls=(),
)


def chunk(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> None:
    """Do nothing, as a chunk."""


def task() -> None:
    """Do nothing, as a task."""


@contextmanager
def session_of(executor: str, workers: int) -> Iterator[tuple[Any, Any, int]]:
    """Yield pool and session of the empty kernel, and its number of chunks."""
    layout = targets.layout(EMPTY.layout({}))
    segment = Segment(layout[0])
    case = Case(
        kernel="empty",
        implementation="none",
        executor=executor,
        workers=workers,
        size="S",
        start_method=default_start_method() if executor == "processes" else "",
        transport="shm" if executor == "processes" else "",
    )
    pool = executors.module_of(executor).open_pool(workers, os.cpu_count() or 1, case.start_method)
    try:
        made = pool.bind(
            Task(
                case=case,
                spec=EMPTY,
                params={},
                target=f"{__spec__.name if __spec__ else __name__}:chunk",
                layout=layout,
                segment=segment,
                segment_key="empty",
                buffers=targets.views(segment.map(), layout),
            )
        )
        yield pool, made, case.chunks
        made.close()
    finally:
        pool.close()
        segment.close()


Batches = Callable[[], float]
"""Hands out a number of batches; returns the seconds they took."""


def through_harness(session: Any, *, by_tasks: bool) -> Batches:
    """Return batches through a session, timed as the harness does.

    Where workers start at a barrier, the window of a round opens there: what came before is dispatch all the same.
    """

    def batches() -> float:
        if by_tasks:
            return float(session.run_round(BATCHES).wall_ns / NS_PER_S)
        spent_ns = 0
        for _ in range(BATCHES):
            stamps = session.run_round(1).stamps
            spent_ns += max(stamp.received_ns for stamp in stamps) - min(stamp.submit_ns for stamp in stamps)
        return spent_ns / NS_PER_S

    return batches


def directly(batch: Callable[[], None]) -> Batches:
    """Return batches of tasks handed over without the harness."""

    def batches() -> float:
        before = time.perf_counter()
        for _ in range(BATCHES):
            batch()
        return time.perf_counter() - before

    return batches


def through_futures(pool: concurrent.futures.Executor, tasks: int) -> Batches:
    """Return batches handed to an executor of ``concurrent.futures``, or of its kind."""

    def batch() -> None:
        for future in [pool.submit(task) for _ in range(tasks)]:
            future.result()

    return directly(batch)


def through_dask(client: Any, tasks: int) -> Batches:
    """Return batches handed to a Dask client."""

    def batch() -> None:
        client.gather([client.submit(task, pure=False) for _ in range(tasks)])

    return directly(batch)


def pairs(ours: Batches, theirs: Batches, tasks: int, count: int) -> tuple[list[float], list[float]]:
    """Return seconds per task of both, pair by pair; which goes first alternates."""
    sample: tuple[list[float], list[float]] = ([], [])
    both = {0: ours, 1: theirs}
    for number in range(-WARM_PAIRS, count):
        for side in (0, 1) if number % 2 else (1, 0):
            seconds = both[side]() / (BATCHES * tasks)
            if number >= 0:
                sample[side].append(seconds)
    return sample


def told(estimate: Estimate, factor: float = 1.0, unit: str = "") -> str:
    return f"{factor * estimate.value:.3g} [{factor * estimate.low:.3g}, {factor * estimate.high:.3g}]{unit}"


def compare(what: str, beside: str, sample: tuple[list[float], list[float]], *, must: bool) -> bool:
    """Print one line; False where the ratio must stay below the limit and does not."""
    ours, theirs = sample
    ratio = median_interval([a / b for a, b in zip(ours, theirs, strict=True)])
    fine = not must or ratio.high < LIMIT
    verdict = ("holds" if fine else "FAILS") if must else "     "
    mine, other = told(median_interval(ours), 1e6, " us"), told(median_interval(theirs), 1e6, " us")
    print(f"{verdict}  {what:13} {mine:28} {beside:20} {other:28} ratio {told(ratio)}", flush=True)
    return fine


def run(executor: str, workers: int, count: int) -> bool:
    """Compare one executor."""
    with session_of(executor, workers) as (pool, session, tasks):
        ours = through_harness(session, by_tasks=executor in HELD)
        if executor == "dask":
            sample = pairs(ours, through_dask(pool.cluster.client, tasks), tasks, count)
            return compare(executor, "the client directly", sample, must=True)
        if executor == "loky":
            sample = pairs(ours, through_futures(pool.executor, tasks), tasks, count)
            return compare(executor, "the executor directly", sample, must=True)
        with beside(executor, workers) as (name, standard):
            return compare(executor, name, pairs(ours, through_futures(standard, tasks), tasks, count), must=False)


@contextmanager
def beside(executor: str, workers: int) -> Iterator[tuple[str, concurrent.futures.Executor]]:
    """Yield the executor of the standard library that stands beside ours."""
    if executor == "processes":
        context = multiprocessing.get_context(default_start_method())
        with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
            yield "ProcessPoolExecutor", pool
    else:
        with concurrent.futures.ThreadPoolExecutor(workers) as threads:
            yield "ThreadPoolExecutor", threads


def main() -> None:
    """Compare every executor that is here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executors", nargs="*", default=["threads", "interpreters", "processes", *HELD])
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    fine = True
    for name in asked.executors:
        found = executors.availability(name, Impl(name="none", target="", gil="held"))
        if found.ok:
            fine &= run(name, asked.workers, asked.pairs)
        else:
            print(f"n/a    {name:13} {found.reason}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
