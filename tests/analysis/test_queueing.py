"""Speed-ups without queueing: rounds beside a load read as they would without it."""

from __future__ import annotations

import dataclasses

import pytest

from gilscope.analysis.columns import columns_by_kernel, estimated
from gilscope.analysis.queueing import seconds_without_queueing, speedup_without_queueing
from gilscope.core.cases import Case
from gilscope.core.records import Round
from tests.analysis.rounds import SPIN, Did, alone, made_of, native, study

CASE = Case.parse("k/f@threads*2#M")


def _speedup(parallel: Round, *, single: Round | None = None, held: float = 0.0) -> float:
    (columns,) = columns_by_kernel(study(CASE.id, parallel, single=single)).values()
    found = estimated(speedup_without_queueing(columns, CASE, held=held))
    assert found is not None
    return found.value


def test_without_a_load_it_is_the_speed_up() -> None:
    assert _speedup(made_of(Did(cpu=50), Did(cpu=50))) == pytest.approx(2.0)
    assert _speedup(made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))) == pytest.approx(1.0)


def test_a_worker_that_shared_its_cpu_with_another_program_counts_as_if_it_had_not() -> None:
    beside = made_of(Did(cpu=50, waiting=50), Did(cpu=50, queued=50))
    assert _speedup(beside) == pytest.approx(2.0)
    assert _speedup(beside, single=alone(100, queued=30)) == pytest.approx(2.0)


def test_uneven_work_is_no_queueing() -> None:
    assert _speedup(made_of(Did(cpu=80), Did(cpu=20, waiting=60))) == pytest.approx(100 / 80)


def test_waiters_that_queue_to_ask_for_the_gil_do_not_make_it_free() -> None:
    beside = made_of(Did(cpu=50, queued=40, rest=20), Did(cpu=50, queued=40, rest=20))
    assert _speedup(beside) > 1.4
    assert _speedup(beside, held=1.0) == pytest.approx(1.0)
    assert _speedup(made_of(Did(cpu=50), Did(cpu=50)), held=0.3) == pytest.approx(2.0)


def test_delays_beyond_what_was_no_cpu_time_are_not_subtracted() -> None:
    assert seconds_without_queueing(made_of(Did(cpu=50, queued=5), Did(cpu=50, queued=5)), 2) == pytest.approx(0.05)


def test_the_control_is_read_the_same_way() -> None:
    spin = made_of(Did(cpu=50, queued=25), Did(cpu=50))
    (columns,) = columns_by_kernel(study(CASE.id, alone(), spin=spin)).values()
    found = estimated(speedup_without_queueing(columns, SPIN, "spin"))
    assert found is not None
    assert found.value == pytest.approx(2.0)


def test_it_is_unknown_where_a_clock_was_not_read() -> None:
    assert seconds_without_queueing(made_of(Did(cpu=50, queued=None), Did(cpu=50)), 2) is None
    assert seconds_without_queueing(native(50, 100), 2) is None
    assert seconds_without_queueing(dataclasses.replace(alone(), stamps=()), 1) is None
