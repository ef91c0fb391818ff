"""The net length of a round from what its workers report."""

from __future__ import annotations

from gilscope.executors._rounds import net_of, net_of_phases, used
from gilscope.executors._worker import WorkerReport


def _report(start: int, end: int, net: int | None, faults: int | None = 1) -> WorkerReport:
    return WorkerReport(
        start_ns=start,
        end_ns=end,
        waiting_ns=0,
        waking_ns=0,
        cpu_ns=0,
        run_queue_ns=0,
        partials=(),
        net_ns=net,
        stolen_ns=0,
        minor_faults=faults,
        system_ns=2,
    )


def test_the_latest_virtual_clock_ends_the_round_and_combining_follows() -> None:
    assert net_of([_report(0, 90, 50), _report(0, 60, 60)], 5) == 65


def test_one_unknown_clock_makes_the_round_unknown() -> None:
    assert net_of([_report(0, 90, 50), _report(0, 60, None)], 5) is None
    assert net_of_phases(100, [[[_report(0, 90, None)]]]) is None


def test_a_phase_ends_without_what_was_taken_from_its_last_worker() -> None:
    slowest, other = _report(0, 90, 50), _report(0, 60, 60)  # 40 of 90 taken: the other's 60 counts
    assert net_of_phases(100, [[[slowest], [other]]]) == 70


def test_what_was_taken_from_a_worker_nobody_waited_for_stays() -> None:
    assert net_of_phases(100, [[[_report(0, 90, 90)], [_report(0, 60, 30)]]]) == 100


def test_tasks_of_one_worker_follow_each_other() -> None:
    assert net_of_phases(100, [[[_report(0, 40, 30), _report(40, 90, 40)], [_report(0, 50, 50)]]]) == 80


def test_uses_are_summed_and_unknown_ones_stay_unknown() -> None:
    assert used([_report(0, 1, 1), _report(0, 1, 1)]) == {
        "stolen_ns": 0,
        "minor_faults": 2,
        "switches": None,
        "system_ns": 4,
    }
    assert used([_report(0, 1, 1), _report(0, 1, 1, None)])["minor_faults"] is None
