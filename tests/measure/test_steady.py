"""Rounds on CPUs of known slowness: what is taken out, and what is left alone."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
from collections.abc import Callable, Iterable

import pytest

from gilscope.core.cases import Case
from gilscope.core.records import Block, Pace, Round, Stamp
from gilscope.measure.steady import steadied

CASE = Case(kernel="nbody", implementation="cy_nogil", executor="threads", workers=2, size="M")
SPIN = Case(kernel="spin", implementation="cy_nogil", executor="threads", workers=2, size="M")
MS = 1_000_000
Slowness = Callable[[int], tuple[float, float]]
"""Number of a block -> by what factor each of two CPUs is slow."""


def round_of(cpu_ms: Iterable[float], at_ms: float, *, serial: bool = False, wait_ms: float = 0.0) -> Round:
    """A round in which workers on CPU 0, 1, ... compute for so long; if serial, one after the other."""
    own = [ms * MS for ms in cpu_ms]
    length = sum(own) if serial else max(own)
    begin = round(at_ms * MS)
    stamps = tuple(
        Stamp(
            submit_ns=begin,
            start_ns=begin,
            end_ns=begin + round((length if serial else ns) + wait_ms * MS),
            cpu_ns=round(ns),
            run_queue_ns=0,
            cpu=cpu,
        )
        for cpu, ns in enumerate(own)
    )
    end = begin + round(length + wait_ms * MS)
    return Round(repeats=1, start_ns=begin, end_ns=end, stamps=stamps, net_ns=end - begin, stolen_ns=0, steal_ns=0)


def blocks_of(
    slow: Slowness, *, count: int = 30, met: float = 1.0, serial: bool = False, seed: int = 1, paced: bool = True
) -> list[Block]:
    """T(1) takes 10 ms and each of two workers 5; the workers meet so much of what the paces do."""
    draw, made = random.Random(seed), []
    for index in range(count):
        factors = slow(index)
        at_ms = 300.0 * index
        noise = [draw.gauss(1.0, 0.003) for _ in range(8)]
        paces = [
            Pace(case=CASE.t1, cpu=cpu, at_ns=round((at_ms + when) * MS), cpu_ns=10 * MS * factors[cpu] * noise[cpu])
            for when in (0.0, 60.0)
            for cpu in (0, 1)
        ]
        both = [5.0 * factor**met * scatter for factor, scatter in zip(factors, noise[2:4], strict=True)]
        rounds = {
            CASE.t1.id: round_of([statistics.fmean(pace.cpu_ns for pace in paces) / MS], at_ms - 5.0),
            CASE.id: round_of(both, at_ms + 30.0, serial=serial),
        }
        began, ended = round(at_ms * MS), round((at_ms + 90) * MS)
        block = Block(kernel="nbody", index=index, started_ns=began, ended_ns=ended, rounds=rounds)
        made.append(dataclasses.replace(block, paces=tuple(paces if paced else ())))
    return made


def speedups(blocks: Iterable[Block]) -> list[float]:
    return [(block.rounds[CASE.t1.id].net_ns or 0) / (block.rounds[CASE.id].net_ns or 1) for block in blocks]


def flipping(seed: int, factor: float = 1.7) -> Slowness:
    """Each CPU is slow in a third of the blocks."""
    draw = random.Random(seed)
    states = [tuple(factor if draw.random() < 0.33 else 1.0 for _ in range(2)) for _ in range(200)]
    return lambda index: (states[index][0], states[index][1])


def test_what_both_controls_and_cases_meet_is_taken_out() -> None:
    blocks = blocks_of(flipping(3))
    before, after = speedups(blocks), speedups(steadied(blocks))
    assert statistics.pstdev(before) > 0.15
    assert statistics.pstdev(after) < 0.03
    assert statistics.median(after) == pytest.approx(2.0, abs=0.02)


def test_workers_that_take_turns_are_slowed_one_after_the_other() -> None:
    blocks = blocks_of(flipping(4), serial=True)
    after = speedups(steadied(blocks))
    assert statistics.pstdev(after) < 0.03
    assert statistics.median(after) == pytest.approx(1.0, abs=0.02)


def test_code_that_is_not_slowed_keeps_its_times() -> None:
    blocks = blocks_of(flipping(5), met=0.0)
    kept = [block.rounds[CASE.id].net_ns for block in steadied(blocks)]
    assert kept == pytest.approx([block.rounds[CASE.id].net_ns for block in blocks], rel=0.02)


def test_calls_that_differ_by_themselves_scatter_no_more_than_before() -> None:
    draw = random.Random(6)
    own = [math.exp(draw.gauss(0.0, 0.3)) for _ in range(30)]
    blocks = blocks_of(lambda index: (own[index], own[-1 - index]), met=0.0)
    before, after = speedups(blocks), speedups(steadied(blocks))
    assert statistics.pstdev(map(math.log, after)) < 1.1 * statistics.pstdev(map(math.log, before))


def test_what_never_varies_stays_in() -> None:
    blocks = blocks_of(lambda index: (1.7, 1.7))
    slowed = [
        dataclasses.replace(block, rounds={**block.rounds, CASE.id: round_of([9.0, 9.0], 300.0 * block.index + 30.0)})
        for block in blocks
    ]
    assert statistics.median(speedups(steadied(slowed))) == pytest.approx(17.0 / 9.0, rel=0.02)


def test_cpus_that_sometimes_share_a_core_are_known_by_spin() -> None:
    draw = random.Random(7)
    shared = [draw.random() < 0.3 for _ in range(40)]
    made = []
    for block, together in zip(blocks_of(lambda index: (1.0, 1.0), count=40), shared, strict=True):
        at_ms = block.started_ns / MS
        both = 9.0 if together else 5.0
        spins = [
            Pace(case=SPIN, cpu=cpu, at_ns=round((at_ms + when) * MS), cpu_ns=(8.5 if together else 4.5) * MS)
            for when in (25.0, 40.0)
            for cpu in (0, 1)
        ]
        rounds = {**block.rounds, CASE.id: round_of([both, both * 1.001], at_ms + 30.0)}
        made.append(dataclasses.replace(block, rounds=rounds, paces=(*block.paces, *spins)))
    after = speedups(steadied(made))
    assert statistics.pstdev(speedups(made)) > 0.3
    assert statistics.pstdev(after) < 0.05
    assert statistics.median(after) == pytest.approx(2.0, abs=0.03)


def test_the_sleep_of_workers_is_not_shortened() -> None:
    slow = flipping(8)
    made = []
    for block in blocks_of(slow):
        at_ms, factors = block.started_ns / MS, slow(block.index)
        rounds = {
            CASE.t1.id: round_of([statistics.fmean(factors)], at_ms - 5.0, wait_ms=99.0),
            CASE.id: round_of([0.5 * factor for factor in factors], at_ms + 30.0, wait_ms=49.5),
        }
        paces = tuple(dataclasses.replace(pace, cpu_ns=pace.cpu_ns / 10) for pace in block.paces)
        made.append(dataclasses.replace(block, rounds=rounds, paces=paces))
    after = speedups(steadied(made))
    assert after == pytest.approx([2.0] * len(after), abs=0.03)


def test_core_seconds_are_moved_and_none_is_lost() -> None:
    blocks = blocks_of(flipping(9))
    for before, after in zip(blocks, steadied(blocks), strict=True):
        for key, measured in before.rounds.items():
            assert after.rounds[key].running_ns == pytest.approx(measured.running_ns, abs=2)
            assert after.rounds[key].wall_ns == measured.wall_ns


def test_nobody_is_blamed_for_waiting_for_a_slow_cpu() -> None:
    blocks = blocks_of(lambda index: (1.7, 1.0) if index % 3 == 0 else (1.0, 1.0))
    for block in steadied(blocks):
        measured = block.rounds[CASE.id]
        ends = [stamp.end_ns for stamp in measured.stamps]
        assert max(ends) - min(ends) < 0.02 * measured.wall_ns
        if block.index % 3 == 0:
            assert measured.awaited_ns == pytest.approx(3.5 * MS, rel=0.1)


def test_without_paces_nothing_is_changed() -> None:
    blocks = blocks_of(flipping(10), paced=False)
    assert steadied(blocks) is blocks


def test_of_too_few_rounds_nothing_is_concluded() -> None:
    blocks = blocks_of(flipping(11), count=3)
    assert speedups(steadied(blocks)) == speedups(blocks)


def test_each_case_is_freed_of_what_it_meets_itself() -> None:
    """Processes on one core are in each other's way, threads that compute in turn are not."""
    processes, draw, made = dataclasses.replace(CASE, executor="processes"), random.Random(12), []
    for block in blocks_of(lambda index: (1.0, 1.0), count=40):
        at_ms, factor = block.started_ns / MS, 1.9 if draw.random() < 0.3 else 1.0
        spins = [
            Pace(case=SPIN, cpu=cpu, at_ns=round((at_ms + when) * MS), cpu_ns=4.5 * factor * MS)
            for when in (25.0, 40.0)
            for cpu in (0, 1)
        ]
        rounds = {
            **block.rounds,
            CASE.id: round_of([draw.gauss(5.0, 0.05), draw.gauss(5.0, 0.05)], at_ms + 30.0, serial=True),
            processes.id: round_of([5.0 * factor, 5.0 * factor], at_ms + 30.0),
        }
        made.append(dataclasses.replace(block, rounds=rounds, paces=(*block.paces, *spins)))
    after = [block.rounds for block in steadied(made)]
    assert [rounds[CASE.id].net_ns for rounds in after] == pytest.approx([10 * MS] * 40, rel=0.04)
    assert [rounds[processes.id].net_ns for rounds in after] == pytest.approx([5 * MS] * 40, rel=0.04)


def test_a_case_that_meets_nothing_of_it_is_compared_with_t1_as_it_was() -> None:
    """Half of the time CPUs are slow for T(1) and processes, never for threads: these gain what they seem to gain."""
    processes, made = dataclasses.replace(CASE, executor="processes"), []
    for block in blocks_of(flipping(15), count=60):
        at_ms = block.started_ns / MS
        rounds = {**block.rounds, processes.id: block.rounds[CASE.id], CASE.id: round_of([5.0, 5.0], at_ms + 30.0)}
        made.append(dataclasses.replace(block, rounds=rounds))
    after = steadied(made)
    assert statistics.median(speedups(after)) == pytest.approx(statistics.median(speedups(made)), rel=0.03)
    quiet = [(one.rounds[CASE.t1.id].net_ns or 0) / (one.rounds[processes.id].net_ns or 1) for one in after]
    assert statistics.median(quiet) == pytest.approx(2.0, rel=0.03)


def test_the_control_is_freed_of_all_that_its_paces_show() -> None:
    """However little T(1) and T(p) have to do with each other: both are made of the paces."""
    draw, made = random.Random(13), []
    for index in range(40):
        at_ms = 300.0 * index
        single, both = [2.0 if draw.random() < 0.4 else 1.0 for _ in range(2)]
        alone = Pace(case=SPIN.t1, cpu=0, at_ns=round(at_ms * MS), cpu_ns=10 * MS * single)
        pair = [Pace(case=SPIN, cpu=cpu, at_ns=round((at_ms + 92.5) * MS), cpu_ns=5 * MS * both) for cpu in (0, 1)]
        rounds = {
            f"spin:{SPIN.t1.id}": round_of([10 * single], at_ms - 5 * single),
            f"spin:{SPIN.id}": round_of([5 * both, 5 * both], at_ms + 92.5 - 2.5 * both),
        }
        block = Block(kernel="nbody", index=index, started_ns=0, ended_ns=MS, rounds=rounds, paces=(alone, *pair))
        made.append(block)
    singles, pairs = ([block.rounds[key].net_ns or 0 for block in steadied(made)] for key in rounds)
    assert statistics.median(singles) / statistics.median(pairs) == pytest.approx(2.0, abs=0.01)


def test_what_is_taken_out_of_the_net_length_is_known() -> None:
    blocks = blocks_of(flipping(14))
    for before, after in zip(blocks, steadied(blocks), strict=True):
        for key, measured in before.rounds.items():
            assert (measured.net_ns or 0) - (after.rounds[key].net_ns or 0) == after.rounds[key].earlier_ns


OWN = Case(kernel="mine.py:f", implementation="f", executor="threads", workers=2, size="2")


def of_own(blocks: Iterable[Block], both_ms: Callable[[], Iterable[float]], *, serial: bool = False) -> list[Block]:
    """The same blocks of a user's function, whose calls take their workers so long."""
    made = []
    for block in blocks:
        again = round_of(both_ms(), block.started_ns / MS + 30.0, serial=serial)
        rounds = {OWN.t1.id: block.rounds[CASE.t1.id], OWN.id: again}
        paces = tuple(dataclasses.replace(pace, case=OWN.t1) for pace in block.paces)
        made.append(dataclasses.replace(block, rounds=rounds, paces=paces))
    return made


def own_speedups(blocks: Iterable[Block]) -> list[float]:
    return [(one.rounds[OWN.t1.id].net_ns or 0) / (one.rounds[OWN.id].net_ns or 1) for one in blocks]


def by_chance(shape: tuple[float, float] = (1.0, 1.0), sd: float = 0.2) -> Callable[[], Iterable[float]]:
    """Draw what two workers need, 5 ms on average: each so much by itself."""
    draw = random.Random(16)
    return lambda: [5.0 * own * max(0.5, draw.gauss(1.0, sd)) for own in shape]


def test_equal_calls_that_differ_by_chance_do_not_count_as_waiting_for_the_last() -> None:
    blocks = of_own(blocks_of(lambda index: (1.0, 1.0), count=60), by_chance())
    after = steadied(blocks)
    assert statistics.median(own_speedups(blocks)) < 1.85
    assert statistics.median(own_speedups(after)) == pytest.approx(2.0, rel=0.04)
    waited = [
        (one.rounds[OWN.id].slowed_ns + one.rounds[OWN.id].awaited_ns) / one.rounds[OWN.id].wall_ns for one in after
    ]
    assert statistics.median(map(abs, waited)) < 0.03  # which is said to be the machine's


def test_a_worker_that_always_has_more_to_do_is_waited_for() -> None:
    blocks = of_own(blocks_of(lambda index: (1.0, 1.0), count=60), by_chance((0.7, 1.3), sd=0.1))
    assert statistics.median(own_speedups(steadied(blocks))) == pytest.approx(2.0 / 1.3, rel=0.04)


def test_workers_that_take_turns_take_as_long_as_all_of_them() -> None:
    blocks = of_own(blocks_of(lambda index: (1.0, 1.0), count=60), by_chance(), serial=True)
    assert own_speedups(steadied(blocks)) == pytest.approx(own_speedups(blocks), rel=1e-6)


def test_what_calls_sleep_is_not_evened() -> None:
    """T(1) computes for 10 ms; each worker for 1 ms, a half more or less, and sleeps for 5 with the last one."""
    chance, made = by_chance(sd=0.5), []
    for block in of_own(blocks_of(lambda index: (1.0, 1.0), count=60), chance):
        both = round_of([own / 5.0 for own in chance()], block.started_ns / MS, wait_ms=5.0)
        made.append(dataclasses.replace(block, rounds={**block.rounds, OWN.id: both}))
    before, after = (statistics.median(own_speedups(blocks)) for blocks in (made, steadied(made)))
    assert after == pytest.approx(before, rel=0.005)
