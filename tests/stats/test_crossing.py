"""Isotonic fits have known answers, crossings are recovered, and bootstrap intervals cover what was planted."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.errors import TooFewRoundsError
from gilscope.stats import bootstrap_interval, crossing, isotonic_fit, median_crossing

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("values", "weights", "fitted"),
    [
        ([1, 2, 3], None, [1, 2, 3]),
        ([3, 2, 1], None, [2, 2, 2]),
        ([1, 3, 2, 4], None, [1, 2.5, 2.5, 4]),
        ([1, 3, 2, 4], [1, 3, 1, 1], [1, 2.75, 2.75, 4]),
        ([4, 1, 1, 6], None, [2, 2, 2, 6]),
        ([], None, []),
    ],
)
def test_isotonic_fits_have_known_answers(values, weights, fitted):
    assert isotonic_fit(values, weights) == pytest.approx(fitted)


@given(VALUES)
def test_an_isotonic_fit_rises_keeps_the_mean_and_leaves_what_rises_alone(values):
    fitted = isotonic_fit(values)
    assert all(a <= b for a, b in itertools.pairwise(fitted))
    assert math.fsum(fitted) == pytest.approx(math.fsum(values), abs=1e-6)
    assert isotonic_fit(sorted(values)) == sorted(values)


@given(VALUES, st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_no_rising_sequence_is_closer_than_the_isotonic_fit(values, steps):
    fitted = isotonic_fit(values)
    other = [fitted[0] - 1 + sum(steps[: i + 1]) for i in range(len(values))]

    def squares(candidate):
        return math.fsum((a - b) ** 2 for a, b in zip(values, candidate, strict=True))

    assert squares(fitted) <= squares(other) + 1e-6


def test_a_crossing_is_interpolated_in_the_logarithm():
    assert crossing([1, 100], [0.25, 0.75], 0.5) == pytest.approx(10)
    assert crossing([1, 2, 4, 8], [0.1, 0.4, 0.6, 0.9], 0.5) == pytest.approx(2 * math.sqrt(2))


def test_a_dip_beyond_the_crossing_is_pooled_away():
    assert crossing([1, 2, 4, 8], [0.1, 0.6, 0.4, 0.9], 0.5) == pytest.approx(2)
    assert crossing([1, 2, 4, 8], [0.1, 0.55, 0.35, 0.9], 0.5) == pytest.approx(4 * 2 ** (0.05 / 0.45))


@pytest.mark.parametrize(("values", "found"), [([0.5, 0.9], 0.0), ([0.1, 0.49], math.inf)])
def test_a_level_outside_the_curve_is_zero_or_infinite(values, found):
    assert crossing([1, 2], values, 0.5) == found


@pytest.mark.parametrize("positions", [[], [1, 1], [2, 1], [0, 1]])
def test_positions_must_increase_from_above_zero(positions):
    with pytest.raises(ValueError, match="must be above zero and increase"):
        crossing(positions, [0.0] * len(positions), 0.5)


OVERHEAD = 50e-6
SIZES = [OVERHEAD * 2**k for k in range(-3, 4)]


def blocks_of(draw: random.Random, count: int, spread: float) -> list[list[float]]:
    """Return curves t / (t + overhead) as blocks with log-normal noise would see them."""
    return [[t / (t + OVERHEAD * draw.lognormvariate(0, spread)) for t in SIZES] for _ in range(count)]


def test_a_planted_overhead_is_where_half_the_time_is_work():
    # Linear in the logarithm between points a factor of two apart: exact at a point, off by 1 % between them at most.
    assert median_crossing(SIZES, blocks_of(random.Random(1), 5, 0.0), 0.5) == pytest.approx(OVERHEAD)
    shifted = [t * math.sqrt(2) for t in SIZES]
    blocks = [[t / (t + OVERHEAD) for t in shifted]]
    assert median_crossing(shifted, blocks, 0.5) == pytest.approx(OVERHEAD, rel=0.01)


def test_bootstrap_intervals_cover_a_planted_overhead():
    draw = random.Random(2)
    covered = 0
    for trial in range(100):
        found = bootstrap_interval(
            blocks_of(draw, 9, 0.3), lambda blocks: median_crossing(SIZES, blocks, 0.5), seed=trial, resamples=100
        )
        assert found.low <= found.value <= found.high
        covered += found.low <= OVERHEAD <= found.high
    assert covered >= 85


def test_a_bootstrap_of_few_blocks_says_how_little_it_is_worth():
    one = bootstrap_interval([3.0], statistics.median)
    assert (one.value, one.low, one.high, one.confidence, one.n) == (3.0, 3.0, 3.0, 0.0, 1)
    assert bootstrap_interval([1.0, 2.0], statistics.median).confidence == 0.5
    assert bootstrap_interval([1.0] * 10, statistics.median).confidence == 0.95
    with pytest.raises(TooFewRoundsError):
        bootstrap_interval([], statistics.median)


def test_a_bootstrap_is_the_same_for_the_same_seed():
    sample = [random.Random(3).random() for _ in range(12)]
    assert bootstrap_interval(sample, statistics.mean, seed=4) == bootstrap_interval(sample, statistics.mean, seed=4)


def test_a_resample_that_never_gets_there_makes_the_upper_end_infinite():
    found = bootstrap_interval([[0.1, 0.52], [0.1, 0.3], [0.1, 0.6]], lambda b: median_crossing([1, 2], b, 0.5))
    assert math.isinf(found.high)
    assert math.isfinite(found.value)
