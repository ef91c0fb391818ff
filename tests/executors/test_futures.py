"""The pools of concurrent.futures as references: answers come back, failures are said, the rest is refused."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gilscope import executors, kernels
from gilscope.core.cases import Case
from gilscope.core.errors import UnavailableError, UnknownNameError, WorkerDiedError, WorkerRaisedError
from gilscope.core.registry import EXECUTORS, REFERENCES
from gilscope.executors import _futures
from gilscope.executors._rounds import Task
from gilscope.executors._shm import Segment


def task_of(kernel: str, executor: str, *, size: str = "XS", target: str = "") -> Task:
    spec = kernels.load(kernel)
    impl = next(i for i in spec.impls if i.gil != "own_threads" and kernels.availability(spec, i).ok)
    params = spec.sizes[size]
    layout = kernels.buffer_layout(spec, params)
    segment = Segment(layout[0])
    return Task(
        case=Case(kernel=kernel, implementation=impl.name, executor=executor, workers=2, size=size),
        spec=spec,
        params=params,
        target=target or kernels.target(kernel, impl),
        layout=layout,
        segment=segment,
        segment_key="it",
        buffers=kernels.views(segment.map(), layout),
    )


@pytest.fixture(params=REFERENCES)
def pool(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    made = executors.module_of(request.param).open_pool(2, 2)
    yield request.param, made
    made.close()
    made.close()


def test_references_are_no_executors_to_choose() -> None:
    assert not set(REFERENCES) & set(EXECUTORS)
    with pytest.raises(UnknownNameError):
        executors.module_of("_threadpool")


def test_every_item_is_done_whatever_the_pool_has_done_before(pool: tuple[str, Any]) -> None:
    name, made = pool
    for size in ("n5s10", "n40s1", "n5s10"):
        session = made.bind(task_of("spin", name, size=size))
        measured = session.run_round(3)
        assert session.result == int(size[1:].partition("s")[0])
        assert measured.wall_ns > 0
        assert measured.repeats == 3
        assert session.one_time_ns["start"] >= 0


def test_a_limit_leaves_out_chunks(pool: tuple[str, Any]) -> None:
    name, made = pool
    session = made.bind(task_of("spin", name, size="n40s1"))
    session.run_round(1, limit=1)
    assert session.result == 40 * 2 // 8  # two of eight chunks


def test_a_kernel_whose_answer_lies_in_buffers_is_refused(pool: tuple[str, Any]) -> None:
    name, made = pool
    with pytest.raises(UnavailableError, match="the answer of mandelbrot lies in buffers"):
        made.bind(task_of("mandelbrot", name))


def raising(*_: Any) -> None:
    raise ValueError("no")


def dying(*_: Any) -> None:
    os._exit(7)


@pytest.mark.parametrize(("function", "error"), [(raising, WorkerRaisedError), (dying, WorkerDiedError)])
def test_a_task_that_raises_or_dies_says_so(
    function: Callable[..., None], error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = executors.module_of("processpool").open_pool(2, 2)
    session = made.bind(task_of("spin", "processpool"))
    monkeypatch.setattr(_futures, "call", function)
    try:
        with pytest.raises(error, match="spin/"):
            session.run_round(1)
    finally:
        made.close()


def test_pools_are_made_once_per_number_of_workers() -> None:
    made: list[int] = []

    def make(workers: int) -> concurrent.futures.Executor:
        made.append(workers)
        return concurrent.futures.ThreadPoolExecutor(workers)

    pool = _futures.FuturesPool(make)
    for _ in range(2):
        pool.bind(task_of("spin", "threadpool"))
    pool.close()
    assert made == [2]
