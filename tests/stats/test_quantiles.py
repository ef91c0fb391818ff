"""Intervals of quantiles: the median's as a special case, exact coverage, what is needed."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.errors import TooFewRoundsError
from gilscope.stats import median_interval
from gilscope.stats.quantiles import quantile_interval, values_needed


@given(st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=300))
def test_for_the_median_it_is_the_interval_of_the_median(sample: list[float]) -> None:
    one, other = quantile_interval(sample, 0.5), median_interval(sample)
    assert (one.low, one.high, one.n) == (other.low, other.high, other.n)
    assert one.value == pytest.approx(other.value, rel=1e-9, abs=1e-6)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-9)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.05, 72)])
def test_the_extremes_of_the_smallest_sample_just_cover(q: float, needed: int) -> None:
    assert values_needed(q) == needed
    assert quantile_interval(range(needed), q).confidence >= 0.95
    with pytest.raises(TooFewRoundsError, match=f"{needed} are needed"):
        quantile_interval(range(needed - 1), q)


def exact(n: int, q: Fraction, low: int, high: int) -> Fraction:
    """Probability that low <= B < high, of the number B of n values below the quantile."""
    return sum((math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(low, high)), Fraction(0))


@pytest.mark.parametrize("n", [72, 100, 368, 1000])
def test_the_coverage_is_exact_and_no_rank_can_be_spared(n: int) -> None:
    found, q = quantile_interval(range(1, n + 1), 0.95), Fraction(95, 100)
    low, high = int(found.low), int(found.high)  # the values are their ranks
    assert found.confidence == pytest.approx(float(exact(n, q, low, high)), abs=1e-9)
    assert exact(n, q, 0, low + 1) > Fraction(25, 1000) >= exact(n, q, 0, low)
    assert exact(n, q, high - 1, n + 1) > Fraction(25, 1000) >= exact(n, q, high, n + 1)


@pytest.mark.parametrize(("q", "confidence"), [(0.0, 0.95), (1.0, 0.95), (0.5, 1.0)])
def test_what_is_no_quantile_is_refused(q: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        quantile_interval([1.0] * 100, q, confidence=confidence)
