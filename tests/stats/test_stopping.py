"""The stopping rule: its design is exact, and intervals keep their coverage however a study ends."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.selfbench.coverage import (
    BLOCKS,
    HIGHEST,
    LOWEST,
    MACHINES,
    PRECISIONS,
    Machine,
    covered_fixed,
    covered_sequential,
    covers,
    study,
)
from gilscope.core.errors import TooFewRoundsError
from gilscope.stats import (
    LOOKS,
    Estimate,
    estimate_or_none,
    median_interval,
    precision_reached,
    sequential_interval,
    should_stop,
)
from gilscope.stats.stopping import _after_look


def ranks(n: int) -> Estimate:
    """Return the interval of 1..n, whose ends are the ranks."""
    return sequential_interval([float(i) for i in range(1, n + 1)])


def exact_coverage_by_enumeration(ends: tuple[int, ...]) -> float:
    """Share of all 2**n sign sequences for which the intervals at all of ``ends`` hold the median."""
    n = ends[-1]
    bounds = [((1 << end) - 1, ranks(end).low, end - ranks(end).low) for end in ends]
    held = sum(all(low <= (signs & mask).bit_count() <= high for mask, low, high in bounds) for signs in range(2**n))
    return held / 2**n


@pytest.mark.parametrize(("n", "ends"), [(8, (8,)), (15, (15,)), (19, (18, 19))])
def test_confidence_is_the_share_of_sign_sequences_that_no_interval_so_far_misses(n, ends):
    assert ranks(n).confidence == pytest.approx(exact_coverage_by_enumeration(ends), abs=1e-12)


@pytest.mark.parametrize("n", [*range(6, 130), 139, 140, 141, 314, 315, 316, 1000, 4000])
def test_every_end_of_a_study_keeps_ninety_five_percent(n):
    estimate = ranks(n)
    assert 0.95 <= estimate.confidence < 1.0
    assert estimate.high == n + 1 - estimate.low


def test_all_looks_together_leave_something_of_the_five_percent():
    missed = _after_look(len(LOOKS) - 1)[1]
    assert 0.03 < missed < 0.05


@pytest.mark.parametrize("n", [n for n in range(6, 60) if n not in LOOKS])
def test_between_looks_the_price_is_at_most_one_rank(n):
    fixed = median_interval([float(i) for i in range(1, n + 1)])
    assert fixed.low - ranks(n).low in (0, 1)


def test_looks_grow_by_about_half_and_start_where_dependence_shows():
    assert LOOKS[0] == 18
    assert all(1.45 <= b / a <= 1.55 for a, b in itertools.pairwise(LOOKS))


def test_fewer_than_six_blocks_have_no_sequential_interval():
    with pytest.raises(TooFewRoundsError, match="6 are needed"):
        sequential_interval([1.0] * 5)


@pytest.mark.parametrize(("n", "confidence"), [(1, 0.0), (2, 0.5), (5, 0.9375)])
def test_few_blocks_give_their_range_with_its_lower_confidence(n, confidence):
    estimate = estimate_or_none([float(i) for i in range(n)])
    assert (estimate.low, estimate.high, estimate.confidence) == (0.0, n - 1.0, confidence)


def test_no_blocks_give_no_estimate():
    assert estimate_or_none([]) is None


@given(st.lists(st.floats(0.1, 10.0), min_size=6, max_size=80))
def test_with_enough_blocks_the_estimate_has_at_least_the_sequential_interval(sample):
    estimate, plain = estimate_or_none(sample), sequential_interval(sample)
    assert estimate.value == plain.value
    assert estimate.low <= plain.low <= plain.high <= estimate.high
    assert estimate.dependent or estimate.confidence == plain.confidence


def test_precision_reached_is_the_widest_half_width():
    narrow, wide = estimate_or_none([1.0] * 8), estimate_or_none([0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1])
    assert precision_reached([narrow, wide]) == pytest.approx(0.1)


@pytest.mark.parametrize("estimates", [[], [None], [estimate_or_none([1.0] * 5)]])
def test_precision_is_infinite_without_a_ninety_five_percent_interval(estimates):
    assert precision_reached(estimates) == float("inf")


def test_a_study_stops_at_looks_only():
    quiet = [1.0] * 400
    assert [n for n in range(1, 400) if should_stop([estimate_or_none(quiet[:n])], 0.05)] == list(LOOKS)


def test_a_study_goes_on_while_one_interval_is_too_wide_or_missing():
    narrow, wide = estimate_or_none([1.0] * 18), estimate_or_none([0.5, 1.5] * 9)
    assert should_stop([narrow, narrow], 0.05)
    assert not should_stop([narrow, wide], 0.05)
    assert not should_stop([narrow, None], 0.05)
    assert not should_stop([], 0.05)


# Coverage on synthetic blocks (benchmarks/selfbench/coverage.py)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("interval", [median_interval, sequential_interval])
def test_intervals_cover_the_true_ratio_with_a_fixed_number_of_blocks(interval, blocks, machine):
    assert LOWEST <= covered_fixed(interval, blocks, machine) <= HIGHEST


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_intervals_cover_the_true_ratio_under_the_stopping_rule(precision, machine):
    """Fewer trials than the command's 2000, to save time."""
    assert LOWEST <= covered_sequential(precision, machine, 800) <= HIGHEST


def test_looking_after_every_block_would_break_the_coverage():
    """The reason for the looks, and the proof that the simulation above can fail."""
    synthetic = Machine(7, **MACHINES["two speeds"])
    covered = 0
    for _ in range(400):
        sample = study(synthetic, 80, lambda s: len(s) >= 6 and median_interval(s).relative_half_width <= 0.05)
        covered += covers(median_interval(sample))
    assert covered / 400 < 0.88
