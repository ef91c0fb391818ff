"""Gates on scaling: what passes, what fails, and what the machine cannot decide."""

from __future__ import annotations

import dataclasses

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.gate import Gate, Quantity, gate
from gilscope.analysis.to_json import part_to_json
from gilscope.core.errors import UsageError
from gilscope.core.records import Round
from gilscope.stats import Estimate
from gilscope.testing import ScalingResult, Undecided
from tests.analysis.rounds import Did, ideal, made_of, study


def _estimate(low: float, high: float, *, confidence: float = 0.96) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high, confidence=confidence, n=8)


IDEAL = _estimate(1.9, 2.0)


@pytest.mark.parametrize(
    ("quantity", "threshold", "found", "control", "outcome"),
    [
        ("relative_efficiency", 0.8, _estimate(0.85, 0.95), IDEAL, "passed"),
        ("relative_efficiency", 0.8, _estimate(0.45, 0.60), IDEAL, "failed"),
        ("relative_efficiency", 0.8, _estimate(0.75, 0.85), IDEAL, "open"),
        ("speedup", 1.5, _estimate(1.6, 1.9), IDEAL, "passed"),
        ("speedup", 1.5, _estimate(1.0, 1.1), IDEAL, "failed"),
        ("efficiency", 0.75, _estimate(0.4, 0.6), IDEAL, "failed"),
    ],
)
def test_the_interval_decides(
    quantity: Quantity, threshold: float, found: Estimate, control: Estimate, outcome: Gate
) -> None:
    assert gate(quantity, threshold, found, control, 2) == outcome


def test_a_machine_that_gave_one_cpu_passes_nobody_and_blames_nobody() -> None:
    one = _estimate(0.9, 1.1)
    assert gate("relative_efficiency", 0.8, _estimate(0.95, 1.05), one, 2) == "open"
    assert gate("relative_efficiency", 0.8, _estimate(0.5, 0.6), one, 2) == "open"
    assert gate("speedup", 1.5, _estimate(0.9, 1.1), one, 2) == "open"


def test_too_few_blocks_decide_nothing() -> None:
    assert gate("speedup", 1.5, _estimate(1.9, 2.0, confidence=0.9), IDEAL, 2) == "open"
    assert gate("speedup", 1.5, _estimate(1.9, 2.0), None, 2) == "open"
    assert gate("speedup", 1.5, None, IDEAL, 2) == "open"


BESIDE = made_of(Did(cpu=50, waiting=40), Did(cpu=50, queued=40))  # one of two workers shares its CPU with a stranger
HOLDING = made_of(Did(cpu=50, queued=30, rest=30), Did(cpu=50, queued=30, rest=30))


def _result(parallel: Round, spin: Round, *, held: float | None) -> ScalingResult:
    """Return a result that has measured: a function under a load."""
    seen = study("mod:f/f@threads*2#8", parallel, spin=spin)
    seen = dataclasses.replace(seen, environment={**seen.environment, "functions": {"f": {"held": held}}})
    return ScalingResult(func=len, args=(), kwargs={}, _result=seen, _answer=analyse(seen))


def test_beside_other_programs_it_is_judged_net_of_them() -> None:
    scales, holds = _result(BESIDE, BESIDE, held=0.0), _result(HOLDING, BESIDE, held=1.0)
    decisions: list[dict[str, object]] = []
    scales.report = holds.report = decisions.append
    scales.require(relative_efficiency=0.8)
    with pytest.raises(AssertionError, match="net of other programs"):
        holds.require(relative_efficiency=0.8)
    assert [decision["net"] for decision in decisions] == [True, True]
    for result, decision in zip((scales, holds), decisions, strict=True):
        (row,) = [row for row in analyse(result.result).rows if row.case.id == decision["case"]]
        assert decision["found"] == part_to_json(row.basis.relative_efficiency), "findings go by the same figures"
        assert decision["control"] == part_to_json(row.basis.control)


def test_without_a_probe_queueing_cannot_be_told_from_waiting_for_the_gil() -> None:
    with pytest.raises(Undecided):
        _result(BESIDE, BESIDE, held=None).require(relative_efficiency=0.8)


def test_what_a_busy_machine_timed_decides_no_speed_up() -> None:
    _result(BESIDE, BESIDE, held=0.0).require(speedup=1.5)  # net it is 2
    beside = dataclasses.replace(BESIDE, net_ns=None)
    with pytest.raises(Undecided):
        _result(beside, beside, held=0.0).require(speedup=1.5)


def test_where_the_machine_gave_its_cpus_the_clock_on_the_wall_decides() -> None:
    timed = dataclasses.replace(made_of(*[Did(cpu=50, queued=50)] * 2), net_ns=None)
    result = _result(timed, ideal(2), held=0.0)
    with pytest.raises(AssertionError, match=r"relative efficiency 0\.50.*: gilscope profile mod:f$"):
        result.require(relative_efficiency=0.8)


@pytest.mark.parametrize("thresholds", [{}, {"speedup": 1.5, "efficiency": 0.7}, {"speedup": 0.0}])
def test_one_threshold_above_zero_is_required(thresholds: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        ScalingResult(func=len, args=("x",), kwargs={}).require(**thresholds)


def _holds() -> int:
    return sum(i * i for i in range(3000))


def _raises() -> None:
    raise ValueError("bad luck")


@pytest.mark.slow
def test_a_function_that_cannot_run_that_way_fails_its_gate() -> None:
    result = ScalingResult(func=_raises, args=(), kwargs={}, budget_s=0.1)
    with pytest.raises(AssertionError, match="ValueError: bad luck"):
        result.require(speedup=1.5)


@pytest.mark.slow
def test_too_short_a_budget_is_no_failure() -> None:
    result = ScalingResult(func=_holds, args=(), kwargs={}, budget_s=0.1)
    with pytest.raises(Undecided, match="the control"):
        result.require(relative_efficiency=0.8)


def test_a_keyword_that_require_does_not_know_is_answered_with_those_it_does() -> None:
    result = ScalingResult(func=sum, args=((),), kwargs={})
    with pytest.raises(UsageError, match=r"no releases_gil: it takes relative_efficiency, speedup .* the fixture gil"):
        result.require(releases_gil=True)
