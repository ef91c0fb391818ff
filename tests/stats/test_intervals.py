"""Intervals of the median: known answers, exact coverage, invariance."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.errors import TooFewRoundsError
from gilscope.stats import Estimate, median_interval, median_range, ratio_interval
from gilscope.stats.intervals import binomial_half

# Ranks (from 1) and coverage of 95 % intervals of the median, as in statistical tables (Hahn & Meeker 1991, 5.2).
HAHN_MEEKER_95 = [
    (6, 1, 6, 0.9688),
    (8, 1, 8, 0.9922),
    (9, 2, 8, 0.9609),
    (10, 2, 9, 0.9785),
    (12, 3, 10, 0.9614),
    (15, 4, 12, 0.9648),
    (20, 6, 15, 0.9586),
    (25, 8, 18, 0.9567),
    (30, 10, 21, 0.9572),
    (40, 14, 27, 0.9615),
    (50, 18, 33, 0.9672),
    (100, 40, 61, 0.9648),
]

finite = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)
positive = st.floats(min_value=1e-6, max_value=1e9)


def exact_coverage(n: int, rank: int) -> Fraction:
    return Fraction(sum(math.comb(n, b) for b in range(rank, n - rank + 1)), 2**n)


@pytest.mark.parametrize(("n", "low", "high", "coverage"), HAHN_MEEKER_95)
def test_ranks_and_coverage_are_those_of_the_tables(n, low, high, coverage):
    estimate = median_interval([float(i) for i in range(1, n + 1)])
    assert (estimate.low, estimate.high) == (low, high)
    assert estimate.confidence == pytest.approx(coverage, abs=6e-5)
    assert (estimate.n, estimate.value) == (n, (n + 1) / 2)


@pytest.mark.parametrize(("confidence", "needed"), [(0.5, 2), (0.9, 5), (0.95, 6), (0.99, 8), (0.999, 11)])
def test_fewer_values_than_the_confidence_needs_are_refused_with_the_number_needed(confidence, needed):
    assert median_interval(range(needed), confidence=confidence).n == needed
    with pytest.raises(TooFewRoundsError, match=f"{needed} are needed"):
        median_interval(range(needed - 1), confidence=confidence)


@given(n=st.integers(6, 400), confidence=st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_coverage_stated_is_the_exact_binomial_sum_and_the_pair_is_the_innermost(n, confidence):
    estimate = median_interval(range(1, n + 1), confidence=confidence)
    rank = int(estimate.low)
    assert estimate.high == n + 1 - rank
    assert estimate.confidence == pytest.approx(float(exact_coverage(n, rank)), abs=1e-10)
    assert estimate.confidence >= confidence - 1e-11
    assert rank == n // 2 or exact_coverage(n, rank + 1) < confidence


@given(st.lists(finite, min_size=6, max_size=60))
def test_value_and_interval_come_from_the_sample(sample):
    estimate = median_interval(sample)
    assert min(sample) <= estimate.low <= estimate.value <= estimate.high <= max(sample)
    assert {estimate.low, estimate.high} <= set(sample)


@given(st.lists(positive, min_size=6, max_size=60), st.randoms(use_true_random=False))
def test_order_of_the_sample_does_not_matter(sample, random):
    shuffled = sample[:]
    random.shuffle(shuffled)
    assert median_interval(shuffled) == median_interval(sample)


@given(st.lists(positive, min_size=6, max_size=61))
def test_a_monotone_transform_moves_the_interval_with_it(sample):
    plain, logs = median_interval(sample), median_interval([math.log(x) for x in sample])
    assert (logs.low, logs.high) == (math.log(plain.low), math.log(plain.high))
    if len(sample) % 2:
        assert logs.value == math.log(plain.value)


@given(st.lists(positive, min_size=6, max_size=60), st.integers(-20, 20))
def test_scaling_the_sample_scales_the_interval(sample, exponent):
    plain, scaled = median_interval(sample), median_interval([math.ldexp(x, exponent) for x in sample])
    assert scaled.low == math.ldexp(plain.low, exponent)
    assert scaled.high == math.ldexp(plain.high, exponent)
    assert scaled.relative_half_width == pytest.approx(plain.relative_half_width)


@given(st.lists(positive, min_size=6, max_size=40))
def test_the_ratio_of_a_sample_to_itself_is_one_without_width(sample):
    estimate = ratio_interval(sample, sample)
    assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


@given(st.lists(st.tuples(positive, positive), min_size=6, max_size=60), st.lists(positive, min_size=60, max_size=60))
def test_what_slows_a_whole_block_cancels_in_its_ratio(pairs, drift):
    plain = ratio_interval([a for a, _ in pairs], [b for _, b in pairs])
    moved = ratio_interval(
        [a * d for (a, _), d in zip(pairs, drift, strict=False)],
        [b * d for (_, b), d in zip(pairs, drift, strict=False)],
    )
    assert (moved.value, moved.low, moved.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_ratios_refuse_unpaired_blocks_and_denominators_that_are_not_above_zero():
    assert ratio_interval([3.0, 8.0], [1.0, 2.0], confidence=0.5).value == 3.5
    with pytest.raises(ValueError, match=r"shorter|longer"):
        ratio_interval([1.0, 2.0], [1.0])
    for denominator in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="above zero"):
            ratio_interval([1.0], [denominator])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        median_interval([1.0, 2.0, 3.0, bad, 5.0, 6.0])


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 95, math.nan])
def test_a_confidence_outside_zero_to_one_is_refused(confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        median_interval(range(10), confidence=confidence)


@pytest.mark.parametrize("n", range(1, 6))
def test_the_range_of_a_small_sample_says_how_little_it_covers(n):
    estimate = median_range([float(i) for i in range(n)])
    assert (estimate.low, estimate.high) == (0.0, n - 1.0)
    assert estimate.confidence == (float(exact_coverage(n, 1)) if n > 1 else 0.0)


def test_an_empty_sample_has_no_range():
    with pytest.raises(TooFewRoundsError, match="empty"):
        median_range([])


def test_the_half_width_is_that_of_the_longer_side():
    estimate = Estimate(value=2.0, low=1.8, high=2.6, confidence=0.95, n=6)
    assert estimate.half_width == pytest.approx(0.6)
    assert estimate.relative_half_width == pytest.approx(0.3)
    assert Estimate(value=0.0, low=-1.0, high=1.0, confidence=0.95, n=6).relative_half_width == math.inf


@pytest.mark.parametrize("n", [1, 7, 60, 1000, 20_000])
def test_binomial_probabilities_sum_to_one_and_equal_the_exact_ones(n):
    probabilities = binomial_half(n)
    assert math.fsum(probabilities) == pytest.approx(1.0, abs=1e-9)
    assert probabilities[n // 2] == pytest.approx(float(Fraction(math.comb(n, n // 2), 2**n)), rel=1e-9)
