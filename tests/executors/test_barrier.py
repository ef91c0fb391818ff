"""The compiled barrier and its fallback of pipe tokens keep the same promises."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gilscope.core.errors import BrokenBarrierError
from gilscope.executors._tokens import TokenBarrier

_barrier = pytest.importorskip("gilscope.executors._barrier", reason="the compiled barrier is not built here")

Maker = Callable[[int], list[Any]]


def _compiled(parties: int, spin_ns: int) -> list[Any]:
    memory = bytearray(_barrier.NBYTES)
    return [_barrier.Barrier(memory, 0, parties, spin_ns) for _ in range(parties)]


def _tokens(parties: int) -> list[Any]:
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(parties + 1)]
    return [TokenBarrier(index, parties, pipes[0], pipes[1:]) for index in range(parties)]


MAKERS: dict[str, Maker] = {
    "spinning": lambda parties: _compiled(parties, 50_000),
    "blocking": lambda parties: _compiled(parties, 0),
    "tokens": _tokens,
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Maker:
    return MAKERS[request.param]


def _run(barriers: list[Any], body: Callable[[int, Any], None]) -> None:
    threads = [threading.Thread(target=body, args=entry, daemon=True) for entry in enumerate(barriers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a worker hangs at the barrier"


def test_nobody_passes_before_everybody_has_arrived(make: Maker) -> None:
    parties, generations = 3, 300
    arrived = [0] * parties
    early: list[tuple[int, int]] = []

    def body(index: int, barrier: Any) -> None:
        for generation in range(1, generations + 1):
            arrived[index] = generation
            barrier.wait()
            if min(arrived) < generation:
                early.append((index, generation))
            barrier.wait()  # so that nobody counts up while others still look

    _run(make(parties), body)
    assert early == []
    assert arrived == [generations] * parties


@pytest.mark.measuring
def test_waiting_for_others_is_told_from_being_woken(make: Maker) -> None:
    barriers = make(2)

    def body(index: int, barrier: Any) -> None:
        barrier.start()
        time.sleep(0.05 * index)
        barrier.wait()

    _run(barriers, body)
    early, late = barriers
    assert late.waiting_ns < early.waiting_ns
    assert early.waiting_ns > 10 * early.waking_ns


def test_start_forgets_the_sums_and_returns_a_common_moment(make: Maker) -> None:
    released = [0, 0]
    barriers = make(2)

    def body(index: int, barrier: Any) -> None:
        time.sleep(0.02 * index)
        barrier.wait()
        released[index] = barrier.start()

    before = time.perf_counter_ns()
    _run(barriers, body)
    assert all(before < moment < time.perf_counter_ns() for moment in released)
    assert [b.waiting_ns + b.waking_ns + b.spun_ns for b in barriers] == [0, 0]


def test_abort_frees_those_who_wait(make: Maker) -> None:
    barriers = make(3)
    broken = []

    def body(index: int, barrier: Any) -> None:
        if index == 2:
            time.sleep(0.05)
            barrier.abort()
            return
        try:
            barrier.wait()
        except BrokenBarrierError:
            broken.append(index)

    _run(barriers, body)
    assert sorted(broken) == [0, 1]


def test_the_gil_is_free_while_a_worker_waits() -> None:
    first, second = _compiled(2, 10_000_000_000)  # would spin for ten seconds
    waiter = threading.Thread(target=first.wait, daemon=True)
    waiter.start()
    counted = sum(random.random() < 2 for _ in range(100_000))  # needs the GIL all the time
    second.wait()
    waiter.join(timeout=60)
    assert counted == 100_000
    assert not waiter.is_alive()


@pytest.mark.parametrize(
    ("nbytes", "offset", "parties"), [(10, 0, 2), (_barrier.NBYTES, 1, 2), (_barrier.NBYTES, -1, 2), (512, 0, 0)]
)
def test_impossible_barriers_are_refused(nbytes: int, offset: int, parties: int) -> None:
    with pytest.raises(ValueError, match="barrier"):
        _barrier.Barrier(bytearray(nbytes), offset, parties, 0)


def test_a_counter_gives_every_number_once_and_begins_anew_with_the_next_start() -> None:
    parties = 4
    barriers, taken = _compiled(parties, 0), []

    def work(barrier: Any) -> None:
        for _ in range(3):
            barrier.start()
            taken.append([barrier.take() for _ in range(50)])
            barrier.wait()

    threads = [threading.Thread(target=work, args=(barrier,)) for barrier in barriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(number for numbers in taken for number in numbers) == sorted(list(range(50 * parties)) * 3)
