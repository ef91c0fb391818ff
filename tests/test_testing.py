"""The gates: what passes, what fails, and what the machine cannot decide."""

from __future__ import annotations

import hashlib

import pytest

from gilscope.errors import UsageError
from gilscope.stats import Estimate
from gilscope.testing import GilGate, ScalingResult, Undecided, judge


def _estimate(low: float, high: float, *, confidence: float = 0.96) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high, confidence=confidence, n=8)


IDEAL = _estimate(1.9, 2.0)


@pytest.mark.parametrize(
    ("name", "threshold", "found", "spin", "verdict"),
    [
        ("relative_efficiency", 0.8, _estimate(0.85, 0.95), IDEAL, "passed"),
        ("relative_efficiency", 0.8, _estimate(0.45, 0.60), IDEAL, "failed"),
        ("relative_efficiency", 0.8, _estimate(0.75, 0.85), IDEAL, "open"),
        ("speedup", 1.5, _estimate(1.6, 1.9), IDEAL, "passed"),
        ("speedup", 1.5, _estimate(1.0, 1.1), IDEAL, "failed"),
        ("efficiency", 0.75, _estimate(0.4, 0.6), IDEAL, "failed"),
    ],
)
def test_the_interval_decides(name: str, threshold: float, found: Estimate, spin: Estimate, verdict: str) -> None:
    assert judge(name, threshold, found, spin, 2) == verdict


def test_a_machine_that_gave_one_cpu_passes_nobody_and_blames_nobody() -> None:
    one = _estimate(0.9, 1.1)
    assert judge("relative_efficiency", 0.8, _estimate(0.95, 1.05), one, 2) == "open"
    assert judge("relative_efficiency", 0.8, _estimate(0.5, 0.6), one, 2) == "open"
    assert judge("speedup", 1.5, _estimate(0.9, 1.1), one, 2) == "open"


def test_too_few_blocks_decide_nothing() -> None:
    assert judge("speedup", 1.5, _estimate(1.9, 2.0, confidence=0.9), IDEAL, 2) == "open"
    assert judge("speedup", 1.5, _estimate(1.9, 2.0), None, 2) == "open"


@pytest.mark.parametrize("thresholds", [{}, {"speedup": 1.5, "efficiency": 0.7}, {"speedup": 0.0}])
def test_one_threshold_above_zero_is_required(thresholds: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        ScalingResult(func=len, args=("x",), kwargs={}).require(**thresholds)


def _holds() -> int:
    return sum(i * i for i in range(3000))


def test_the_gil_gate_tells_c_code_from_byte_code() -> None:
    told: list[dict[str, object]] = []
    gate = GilGate(report=told.append)
    gate.assert_released(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 20_000)
    gate.assert_held_below(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 20_000, share=0.5)
    with pytest.raises(AssertionError, match="_holds: the GIL is held"):
        gate.assert_released(_holds)
    assert [decision["outcome"] for decision in told] == ["passed", "passed", "failed"]


def test_a_share_is_a_fraction() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        GilGate().assert_held_below(_holds, share=1.5)


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
    with pytest.raises(Undecided, match="the machine gave"):
        result.require(relative_efficiency=0.8)
