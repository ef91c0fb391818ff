"""Blocks that depend on each other: told from independent ones, and their intervals wide enough."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from gilscope.stats import estimate_or_none, sequential_interval
from gilscope.stats.dependence import variance_inflation


def _ar1(rng: random.Random, n: int, rho: float) -> list[float]:
    value, sample = rng.gauss(0.0, 1.0), []
    for _ in range(n):
        sample.append(2.0 + 0.15 * value)
        value = rho * value + math.sqrt(1.0 - rho * rho) * rng.gauss(0.0, 1.0)
    return sample


def _heavy(rng: random.Random, n: int) -> list[float]:
    return [2.0 + 0.01 * rng.gauss(0.0, 1.0) * (20.0 if rng.random() < 0.1 else 1.0) for _ in range(n)]


@pytest.mark.parametrize("n", [6, 8, 12, 18, 27, 62, 140])
@pytest.mark.parametrize("draw", [lambda rng, n: _ar1(rng, n, 0.0), _heavy], ids=["normal", "heavy tails"])
def test_independent_blocks_are_hardly_ever_widened_and_never_marked(
    n: int, draw: Callable[[random.Random, int], list[float]]
) -> None:
    rng = random.Random(n)
    samples = [draw(rng, n) for _ in range(400)]
    widths = [
        (e.high - e.low, s.high - s.low)
        for x in samples
        for e in [estimate_or_none(x)]
        for s in [sequential_interval(x)]
    ]
    assert sum(estimate_or_none(x).dependent for x in samples) <= 2
    assert sum(own for own, _ in widths) <= 1.1 * sum(plain for _, plain in widths)


@pytest.mark.parametrize(("n", "rho"), [(25, 0.26), (25, 0.45), (60, 0.45), (60, 0.67), (150, 0.82)])
def test_intervals_of_dependent_blocks_cover_once_they_are_not_marked(n: int, rho: float) -> None:
    rng = random.Random(1)
    found = [estimate_or_none(_ar1(rng, n, rho)) for _ in range(500)]
    judged = [e for e in found if not e.dependent]
    assert sum(e.low <= 2.0 <= e.high for e in judged) >= 0.91 * len(judged)  # 0.93 less two standard errors
    assert len(judged) >= 0.8 * len(found)


def test_runs_of_few_correlation_times_are_mostly_marked() -> None:
    rng = random.Random(3)
    found = [estimate_or_none(_ar1(rng, 25, 0.9)) for _ in range(200)]
    assert sum(e.dependent for e in found) > 100


def test_the_inflation_is_that_of_the_planted_correlation() -> None:
    """The count of values below the median of AR(1) of 0.5: 1 + 2 sum of 2/pi asin(0.5**k) is 2.33."""
    rng = random.Random(5)
    assert variance_inflation(_ar1(rng, 20_000, 0.5)) == pytest.approx(2.33, rel=0.06)


def test_values_that_are_all_the_same_depend_on_nothing() -> None:
    assert variance_inflation([1.0] * 30) >= 1.0
    assert estimate_or_none([1.0] * 30).low == 1.0


def test_a_trend_is_dependence() -> None:
    estimate = estimate_or_none([1.0 + 0.01 * at for at in range(40)])
    assert estimate.dependent
    assert (estimate.low, estimate.high) == (1.0, pytest.approx(1.39))


def test_values_that_are_all_tied_cost_no_more_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    summed: list[int] = []

    def counted(values: object) -> float:
        terms = list(values)  # type: ignore[call-overload]
        summed.append(len(terms))
        return math.fsum(terms)

    monkeypatch.setattr("gilscope.stats.dependence.math", type("M", (), {**vars(math), "fsum": staticmethod(counted)}))
    assert variance_inflation([0.3] * 500) == 1.0
    assert sum(summed) <= 5 * 500
