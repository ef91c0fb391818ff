"""Net speed-ups: rounds beside a load read as they would without it, or between bounds that hold the truth."""

from __future__ import annotations

import dataclasses
import random

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.columns import columns_by_kernel, estimated
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.net import Net, Sharing, _under_gil, held_alone, net_bounds, net_speedup, overlap
from gilscope.core.cases import Case, Slot
from gilscope.core.records import Pace, Round
from gilscope.stats import Estimate
from tests.analysis.rounds import MS, SPIN, Did, alone, made_of, native, study

CASE = Case.parse("k/f@threads*2#M")
OWN = Case.parse("k/f@native*2#M")
SPIN_64 = Slot(case=Case.parse("spin/cy_nogil@threads*64#M"), role="spin")


def _speedup(parallel: Round, *, single: Round | None = None, **sharing: float) -> Estimate:
    (columns,) = columns_by_kernel(study(CASE.id, parallel, single=single)).values()
    found = net_speedup(columns, CASE, sharing=Sharing(**sharing)).estimate()  # type: ignore[arg-type]
    assert found is not None
    return found


def test_without_a_load_it_is_the_speed_up() -> None:
    assert _speedup(made_of(Did(cpu=50), Did(cpu=50))).value == pytest.approx(2.0)
    assert _speedup(made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))).value == pytest.approx(1.0)


def test_a_worker_that_shared_its_cpu_with_another_program_counts_as_if_it_had_not() -> None:
    beside = made_of(Did(cpu=50, waiting=50), Did(cpu=50, queued=50))
    assert _speedup(beside).value == pytest.approx(2.0)


def test_workers_that_never_ran_at_the_same_time_do_not_show_what_they_cost_each_other() -> None:
    found = _speedup(made_of(Did(cpu=50, waiting=50), Did(cpu=50, queued=50)))
    assert (found.low, found.value) == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize(("of_spin", "expected"), [(20, (100 / 110, 1.0)), (0, (100 / 110, 100 / 110))])
def test_what_the_hypervisor_took_is_known_from_the_control_where_workers_idle(
    of_spin: int, expected: tuple[float, float]
) -> None:
    """Two that hold a lock in turn for 100 ms take 110, and idle for so long that they cannot tell what was stolen."""

    def stolen(measured: Round, ms: int) -> Round:
        return dataclasses.replace(
            measured, stolen_ns=ms * MS, net_ns=measured.wall_ns - ms * MS // len(measured.stamps)
        )

    single, spin = stolen(made_of(Did(cpu=100, rest=10)), 10), stolen(made_of(*[Did(cpu=50, rest=5)] * 2), of_spin)
    parallel = made_of(*[Did(cpu=50, rest=60)] * 2)
    (columns,) = columns_by_kernel(study(CASE.id, parallel, single=single, spin=spin)).values()
    found = net_speedup(columns, CASE).estimate()
    assert found is not None
    assert (found.low, found.value) == pytest.approx(expected)


def test_what_the_hypervisor_took_is_not_known_without_t1_and_counts_each_worker_once() -> None:
    stolen = dataclasses.replace(made_of(*[Did(cpu=50)] * 2), stolen_ns=20 * MS)
    measured = study(CASE.id, made_of(*[Did(cpu=50, rest=60)] * 2), spin=stolen)
    without = [
        dataclasses.replace(one, rounds={key: own for key, own in one.rounds.items() if key != CASE.t1.id})
        for one in measured.blocks
    ]
    (columns,) = columns_by_kernel(dataclasses.replace(measured, blocks=without)).values()
    assert not net_speedup(columns, CASE)
    many = [
        dataclasses.replace(one, rounds={SPIN_64.key: dataclasses.replace(stolen, stolen_ns=64 * MS)})
        for one in without
    ]
    (columns,) = columns_by_kernel(dataclasses.replace(measured, blocks=many)).values()
    assert columns.stolen == pytest.approx(1 / 50)


@pytest.mark.parametrize(("grown", "alone"), [(0, 2.0), (8, 100 / 57.7), (20, 100 / 65)])
def test_growth_of_the_cpu_time_counts_by_how_much_the_workers_ran_at_the_same_time(grown: int, alone: float) -> None:
    """In a wall time of 80 two workers that compute for 50 or more each must have overlapped."""
    ran = 50 + grown / 2
    beside = made_of(Did(cpu=ran, waiting=80 - ran), Did(cpu=ran, queued=80 - ran))
    found = _speedup(beside)
    assert found.value == pytest.approx(alone, rel=0.01)
    assert found.low == pytest.approx(found.value)
    assert found.high == pytest.approx(100 / ran)


def test_code_whose_workers_wait_for_each_other_overlaps_as_little_alone() -> None:
    parallel = made_of(Did(cpu=55, rest=45), Did(cpu=55, rest=45))
    found = _speedup(parallel)
    assert found.low == found.high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("busy", "workers", "least"), [(0.7, 2, 0.0), (1.0, 2, 0.0), (4 / 3, 2, 0.5), (2.0, 2, 1.0), (2.5, 4, 8 / 15)]
)
def test_the_least_overlap_of_so_many_that_run_on_average(busy: float, workers: int, least: float) -> None:
    assert overlap(busy, workers) == pytest.approx(least)


def test_dispatch_and_uneven_work_stay_in() -> None:
    assert _speedup(made_of(Did(late=30, cpu=50, queued=20), Did(cpu=50))).value == pytest.approx(100 / 80)
    assert _speedup(made_of(Did(cpu=80), Did(cpu=20, waiting=60))).value == pytest.approx(100 / 80)


def test_t1_is_net_too() -> None:
    parallel = made_of(Did(cpu=50), Did(cpu=50))
    queued = made_of(Did(cpu=100, queued=40))
    assert _speedup(parallel, single=queued).value == pytest.approx(2.0)


def test_threads_that_share_a_gil_lie_between_as_timed_and_without_all_queueing() -> None:
    parallel = made_of(Did(cpu=50, queued=20, waiting=10), Did(cpu=50, queued=20, waiting=10))
    assert _speedup(parallel, held=None).low == _speedup(parallel, held=0.5).low == pytest.approx(100 / 80)
    found = _speedup(parallel, held=0.3)
    assert found.low == pytest.approx(100 / (50 + 2 * 0.3 * 30))  # of the 30 that are not net
    assert found.high == pytest.approx(2.0)
    assert found.low < found.value <= found.high


def test_a_gil_held_all_the_time_leaves_no_more_than_one_cpu_however_much_was_queued() -> None:
    parallel = made_of(Did(cpu=50, queued=50), Did(cpu=50, queued=50))
    found = _speedup(parallel, held=1.0, surely_held=1.0)
    assert (found.low, found.value, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_what_one_worker_alone_holds_bounds_what_all_may_gain():
    """Threads that each hold the GIL two thirds of their time gain 1.5, whatever other programs took."""
    parallel = made_of(Did(cpu=50, queued=50), Did(cpu=50, queued=50))
    found = _speedup(parallel, held=2 / 3, surely_held=0.6)
    assert (found.low, found.value, found.high) == pytest.approx((1.0, 1.5, 1 / 0.6))


def test_no_block_gains_more_than_one_over_what_a_worker_alone_holds() -> None:
    """Unless all do: then T(1) is the slow one, and nothing is cut off."""
    lengths = dict(enumerate((0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)))
    scattered = Net(value=lengths, low=lengths, high=lengths)
    assert _under_gil(scattered, CASE, Sharing(surely_held=1.0)).estimate().high == 1.0
    assert _under_gil(scattered, CASE, Sharing(surely_held=0.0)) is scattered
    above = scattered.scaled(2.0)
    assert _under_gil(above, CASE, Sharing(surely_held=1.0)) is above
    assert _under_gil(scattered, dataclasses.replace(CASE, executor="processes"), Sharing(surely_held=1.0)) is scattered


def test_the_holder_of_a_lock_may_have_queued() -> None:
    parallel = made_of(Did(cpu=50, queued=20), Did(cpu=50, rest=20))
    found = _speedup(parallel, locks=True)
    assert found.value == pytest.approx(100 / 70)
    assert found.high == pytest.approx(100 / 60)


def test_who_queued_for_a_cpu_may_have_waited_for_a_lock_anyway() -> None:
    parallel = made_of(Did(cpu=50, queued=25, rest=5), Did(cpu=50, queued=25, rest=5))
    assert _speedup(parallel, locks=True).low == pytest.approx(100 / 80)
    assert _speedup(parallel).low == pytest.approx(100 / 55)


def test_workers_beyond_the_cpus_queue_of_their_own_doing() -> None:
    parallel = made_of(Did(cpu=50, queued=60), Did(cpu=50, queued=60))
    found = _speedup(parallel, cpus=1)
    assert found.value == found.low == pytest.approx(100 / 110)
    assert found.high == pytest.approx(1.0)


def test_a_quota_is_the_code_s_own_doing() -> None:
    parallel = dataclasses.replace(made_of(*[Did(cpu=50, queued=50)] * 2), throttled_ns=90_000_000)
    found = _speedup(parallel)
    assert found.low == found.value == found.high == pytest.approx(1.0)


def test_a_runtime_with_one_stamp_for_all_its_threads_has_bounds() -> None:
    bounds = net_bounds(native(100, 120, queued=40), OWN, Sharing())
    assert bounds == pytest.approx((80e6, 60e6, 100e6))


def test_more_than_sixteen_workers_are_no_exception() -> None:
    case = Case.parse("k/f@processes*64#M")
    kept = made_of(*[Did(cpu=50)] * 16)
    measured = dataclasses.replace(kept, end_ns=kept.end_ns * 2, net_ns=50_000_000)
    assert net_bounds(measured, case, Sharing()) == pytest.approx((50e6, 50e6, 50e6))


def test_it_is_unknown_where_a_clock_was_not_read() -> None:
    assert net_bounds(made_of(Did(cpu=50, queued=None), Did(cpu=50)), CASE, Sharing()) is None
    assert net_bounds(dataclasses.replace(alone(), stamps=()), CASE.t1, Sharing()) is None


def test_files_of_before_are_judged_as_timed() -> None:
    parallel = dataclasses.replace(made_of(Did(cpu=50, queued=50), Did(cpu=50, queued=50)), net_ns=None)
    (row,) = [row for row in analyse(study(CASE.id, parallel)).rows if row.case == CASE]
    assert row.net_speedup is None
    assert not row.basis.net
    assert row.judged == row.speedup


def test_case_and_control_share_their_basis() -> None:
    parallel, spin = made_of(Did(cpu=50, queued=25), Did(cpu=50)), made_of(Did(cpu=50, queued=50), Did(cpu=50))
    made = study("k/f@processes*2#M", parallel, spin=spin)
    row = analyse(made).rows[1]
    assert row.basis.net
    assert row.basis.relative_efficiency is not None
    assert row.basis.relative_efficiency.value == pytest.approx(1.0)
    assert row.basis.control is not None
    assert row.basis.control.value == pytest.approx(2.0)
    assert row.basis.taken_out is not None
    assert row.basis.taken_out.value == pytest.approx(25 / 75)
    unknown = dataclasses.replace(spin, net_ns=None)
    assert not analyse(study("k/f@processes*2#M", parallel, spin=unknown)).rows[1].basis.net
    assert SPIN.workers == 2


def test_workers_that_share_a_lock_take_no_longer_than_one_after_the_other() -> None:
    parallel = made_of(Did(cpu=50, queued=150), Did(cpu=50, queued=150))
    assert _speedup(parallel, locks=True).low == _speedup(parallel, held=1.0).low == pytest.approx(1.0)
    sleeping = made_of(Did(cpu=50, queued=100, rest=50), Did(cpu=50, queued=100, rest=50))
    assert _speedup(sleeping, locks=True).low == pytest.approx(100 / 150)


def test_workers_of_an_engine_that_share_a_gil_may_have_waited_for_it_while_they_queued() -> None:
    engine = dataclasses.replace(CASE, executor="futures:pkg:make")
    shared = GilActivity(available=False, shared=True)
    assert held_alone(engine, shared, None) is None
    assert held_alone(engine, dataclasses.replace(shared, shared=False), None) == 0.0
    beside = made_of(Did(cpu=50, waiting=50), Did(cpu=50, queued=50))
    unknown, own = (net_bounds(beside, engine, Sharing(held=held)) for held in (None, 0.0))
    assert unknown is not None
    assert own is not None
    assert own[0] == own[2]
    assert unknown[2] == beside.wall_ns > own[2]


@pytest.mark.parametrize(("queued", "value"), [(None, 2.0), (0.5, 2.0), (0.0, 1.0), (0.01, 100 / 90)])
def test_workers_that_wake_each_other_queue_behind_each_other_unless_t1_queues_too(
    queued: float | None, value: float
) -> None:
    behind = made_of(Did(cpu=50, queued=50), Did(cpu=50, waiting=50))
    assert _speedup(behind, locks=True, queued=queued).value == pytest.approx(value, rel=0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize(("control", "most"), [(0, 1.0), (40, 2.0)])
def test_who_queues_behind_whom_is_open_where_the_control_on_all_cpus_queues_though_t1_does_not(
    control: float, most: float
) -> None:
    locked = made_of(*[Did(cpu=50, queued=25, rest=25)] * 2)
    made = study(CASE.id, locked, spin=made_of(*[Did(cpu=50, queued=control)] * 2), cpus={"count": 2, "physical": 2})
    paces = tuple(Pace(case=case, cpu=0, at_ns=0, cpu_ns=100 * MS) for case in (CASE.t1, SPIN.t1))
    blocks = tuple(dataclasses.replace(block, paces=paces) for block in made.blocks)
    speedup = analyse(dataclasses.replace(made, blocks=blocks)).row_of[CASE.id].basis.speedup
    assert speedup is not None
    assert (speedup.low, speedup.high) == (pytest.approx(1.0, abs=0.01), pytest.approx(most, abs=0.05))


def test_a_steadied_round_of_fast_cpus_may_be_longer_than_it_was() -> None:
    fast = dataclasses.replace(made_of(Did(cpu=50), Did(cpu=50)), net_ns=60_000_000)
    assert net_bounds(fast, CASE, Sharing()) == pytest.approx((60e6, 60e6, 60e6))


def test_what_slow_cpus_took_is_not_in_the_longest_length_either() -> None:
    slow = dataclasses.replace(made_of(Did(cpu=40, waiting=40), Did(cpu=40, waiting=40)), net_ns=70 * MS)
    assert net_bounds(slow, CASE, Sharing(held=1.0)) == pytest.approx((70e6, 70e6, 80e6))
    steady = dataclasses.replace(slow, earlier_ns=10 * MS)
    assert net_bounds(steady, CASE, Sharing(held=1.0)) == pytest.approx((70e6, 70e6, 70e6))


@pytest.mark.parametrize(("held", "least"), [(0.04, 70 - 0.08 * 10), (0.3, 70 - 0.6 * 10), (0.6, 60.0), (None, 60.0)])
def test_a_worker_that_queues_keeps_others_waiting_as_often_as_it_holds_the_gil(
    held: float | None, least: float
) -> None:
    both = dataclasses.replace(made_of(*[Did(cpu=50, queued=10, waiting=20)] * 2), net_ns=70 * MS)
    found = net_bounds(both, CASE, Sharing(held=held))
    assert found is not None
    assert found[1] == pytest.approx(least * MS)


def test_where_workers_nearly_always_ran_together_a_few_slow_rounds_are_not_what_they_cost_each_other() -> None:
    """A twentieth of the overlap is missing, and every sixth round takes twice the CPU time."""
    draw = random.Random(1)
    made = study(CASE.id, made_of(Did(cpu=50), Did(cpu=50)))
    blocks = []
    for index in range(30):
        took = 50 * draw.uniform(0.99, 1.01) * (2 if index % 6 == 0 else 1)
        parallel = made_of(Did(cpu=took), Did(cpu=took, queued=took / 20))
        blocks.append(
            dataclasses.replace(made.blocks[0], index=index, rounds={**made.blocks[0].rounds, CASE.id: parallel})
        )
    (columns,) = columns_by_kernel(dataclasses.replace(made, blocks=tuple(blocks))).values()
    found = net_speedup(columns, CASE)
    least, most = estimated(found.low), estimated(found.high)
    assert least is not None
    assert most is not None
    assert least.value > 0.975 * most.value
