"""The compiled barrier and its fallback of pipe tokens keep the same promises."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
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


# The virtual clock ----------------------------------------------------------------------------------------------------


class _Queue:
    """A schedstat file of one's own: what a worker queued is what the test says."""

    def __init__(self, path: Path) -> None:
        self.path, self._ns = path, 7_000_000
        self.add(0)

    def add(self, ns: int) -> None:
        self._ns += ns
        self.path.write_text(f"123456789 {self._ns} 42\n")


def _virtual(tmp_path: Path, parties: int) -> tuple[list[Any], list[_Queue]]:
    memory = bytearray(_barrier.NBYTES)
    queues = [_Queue(tmp_path / f"schedstat{index}") for index in range(parties)]
    return [_barrier.Barrier(memory, 0, parties, 0, str(queue.path)) for queue in queues], queues


def _busy(ns: int) -> None:
    """Keep a CPU, whatever the machine: a sleeping thread gives it up."""
    until = time.perf_counter_ns() + ns
    while time.perf_counter_ns() < until:
        pass


@pytest.mark.measuring
def test_what_the_slowest_worker_queued_is_taken_out_of_everybodys_wait(tmp_path: Path) -> None:
    barriers, queues = _virtual(tmp_path, 2)
    found: list[tuple[int, int]] = [(0, 0)] * 2

    def body(index: int, barrier: Any) -> None:
        start = barrier.start()
        time.sleep(0.02 if index else 0.06)
        if index == 0:
            queues[0].add(30_000_000)
        barrier.wait()
        time.sleep(0.02)
        end = time.perf_counter_ns()
        net, _ = barrier.finish(end)
        found[index] = (net, end - start)

    _run(barriers, body)
    for net, timed in found:
        assert timed - net == pytest.approx(30e6, abs=3e6)


@pytest.mark.measuring
def test_queueing_hidden_behind_a_slower_worker_changes_nothing(tmp_path: Path) -> None:
    barriers, queues = _virtual(tmp_path, 2)
    found = [0, 0]

    def body(index: int, barrier: Any) -> None:
        start = barrier.start()
        time.sleep(0.06 if index else 0.03)
        if index == 0:
            queues[0].add(20_000_000)
        barrier.wait()
        end = time.perf_counter_ns()
        found[index] = end - start - barrier.finish(end)[0]

    _run(barriers, body)
    assert found == [pytest.approx(0, abs=3e6)] * 2


@pytest.mark.measuring
def test_being_woken_late_is_taken_out_beyond_what_a_wake_up_takes_by_itself(tmp_path: Path) -> None:
    def taken_out(folder: Path) -> int:
        barriers, queues = _virtual(folder, 2)
        found = [0, 0]

        def body(index: int, barrier: Any) -> None:
            start = barrier.start()
            if index:
                time.sleep(0.03)
                queues[0].add(10_000)  # the other's, while it is woken: much less than GS_WAKE_NS
            barrier.wait()
            end = time.perf_counter_ns()
            found[index] = end - start - barrier.finish(end)[0]

        _run(barriers, body)
        return max(map(abs, found))

    attempts = [tmp_path / str(attempt) for attempt in range(5)]  # what the machine really takes only adds to it
    for folder in attempts:
        folder.mkdir()
    assert min(map(taken_out, attempts)) < 1e6


@pytest.mark.measuring
def test_time_without_cpu_queueing_or_a_switch_of_its_own_is_stolen(tmp_path: Path) -> None:
    barriers, _ = _virtual(tmp_path, 1)
    barriers[0].start()
    began, cpu = time.perf_counter_ns(), time.thread_time_ns()
    _busy(20_000_000)
    end = time.perf_counter_ns()
    net, stolen = barriers[0].finish(end)
    missed = (end - began) - (time.thread_time_ns() - cpu)  # the real queueing and steal: the planted clock counts none
    assert stolen == pytest.approx(missed, abs=1e6)
    assert net + stolen == pytest.approx(end - began, abs=1e6)


@pytest.mark.measuring
def test_a_worker_that_gave_up_its_cpu_was_not_certainly_stolen_from(tmp_path: Path) -> None:
    barriers, _ = _virtual(tmp_path, 1)
    barriers[0].start()
    time.sleep(0.02)
    net, stolen = barriers[0].finish(time.perf_counter_ns())
    assert stolen == 0
    assert net >= 20_000_000


@pytest.mark.measuring
def test_without_a_clock_for_queueing_there_is_no_virtual_time(tmp_path: Path) -> None:
    barrier = _barrier.Barrier(bytearray(_barrier.NBYTES), 0, 1, 0, str(tmp_path / "missing"))
    barrier.start()
    assert barrier.finish(time.perf_counter_ns()) is None
