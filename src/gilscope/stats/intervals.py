"""Exact distribution-free intervals of the median.

With ``B`` the number of values below the median, ``B`` is binomial with p = 1/2 whatever the distribution, and the
order statistics ``x[k]`` and ``x[n + 1 - k]`` (counted from 1) enclose the median when ``k <= B <= n - k``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gilscope.core.errors import TooFewRoundsError

DEFAULT_CONFIDENCE = 0.95
MIN_BLOCKS = 6
"""Smallest sample with a 95 % interval: the extremes of n values cover the median with 1 - 2**(1 - n)."""

_ROUNDING = 1e-12  # of coverages, which are sums in floating point: one that just suffices must not be refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval.

    Parameters
    ----------
    value, low, high : float
        ``low <= value <= high``.
    confidence : float
        Coverage the interval really has, in [0, 1): at least the one asked for, or less where the sample is too small.
    n : int
        Size of the sample.
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int

    @property
    def half_width(self) -> float:
        """Distance from the value to the farther end: what ``value ± half_width`` needs to hold the interval."""
        return max(self.high - self.value, self.value - self.low)

    @property
    def relative_half_width(self) -> float:
        """Half-width over the value; infinite for a value of zero. Tables show it, and studies stop by it."""
        return self.half_width / abs(self.value) if self.value else math.inf

    @property
    def has_interval(self) -> bool:
        """Whether the interval means anything: the extremes of a single block have no width and no confidence, and an
        infinite end is beyond what was measured."""
        return self.confidence > 0.0 and math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def dependent(self) -> bool:
        """Whether blocks depended so much on each other that they are too few, though enough by their number."""
        return self.n >= MIN_BLOCKS and self.confidence < DEFAULT_CONFIDENCE

    def starts_above(self, limit: float) -> bool:
        """Whether the whole interval is above a limit."""
        return self.has_interval and self.low > limit

    def ends_below(self, limit: float) -> bool:
        """Whether the whole interval is below a limit."""
        return self.has_interval and self.high < limit


@lru_cache(maxsize=512)
def binomial_half(n: int) -> tuple[float, ...]:
    """Return the n + 1 probabilities of the binomial distribution with p = 1/2, to an absolute error below 1e-12."""
    # By logarithms, so that n beyond 1000 neither overflows nor vanishes.
    log_n = math.lgamma(n + 1) - n * math.log(2.0)
    return tuple(math.exp(log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1)) for k in range(n + 1))


@lru_cache(maxsize=4096)
def _rank(n: int, confidence: float) -> tuple[int, float]:
    """Return the largest k whose pair of order statistics has the coverage, and that coverage; k = 0 when none has."""
    rank, coverage, missed = 0, 0.0, 0.0
    for k, p in enumerate(binomial_half(n)[: n // 2], start=1):
        missed += 2.0 * p
        if 1.0 - missed < confidence - _ROUNDING:
            break
        rank, coverage = k, 1.0 - missed
    return rank, coverage


def estimate_at_rank(sample: Sequence[float], rank: int, coverage: float) -> Estimate:
    """Return the median of ``sample`` between its ``rank``-th smallest and ``rank``-th largest value (from 1)."""
    ordered = sorted(sample)
    if not all(map(math.isfinite, ordered)):
        raise ValueError("a sample must be finite")
    n = len(ordered)
    # The mean of two middle values can leave the interval they span by one rounding.
    low, high = ordered[rank - 1], ordered[n - rank]
    value = min(max(statistics.median(ordered), low), high)
    return Estimate(value=value, low=low, high=high, confidence=coverage, n=n)


def median_interval(sample: Sequence[float], *, confidence: float = DEFAULT_CONFIDENCE) -> Estimate:
    """Estimate the median of a sample of fixed size with its exact distribution-free interval.

    Parameters
    ----------
    sample : sequence of float, shape (n,)
        Finite values, independent and from distributions with the same median.

    Returns
    -------
    Estimate
        ``low`` and ``high`` are the innermost symmetric pair of order statistics whose coverage is at least
        ``confidence``; the coverage they have is in ``Estimate.confidence``.

    Raises
    ------
    TooFewRoundsError
        If n is too small for ``confidence`` (6 for 95 %).

    Notes
    -----
    Time O(n log n). Hahn & Meeker, Statistical Intervals (1991), section 5.2. Ties only raise the coverage.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence!r} must be between 0 and 1")
    rank, coverage = _rank(len(sample), confidence)
    if not rank:
        needed = math.ceil(1.0 - math.log2(1.0 - confidence) - _ROUNDING)
        raise TooFewRoundsError(
            f"{len(sample)} values are too few for {confidence:.4g} confidence: {needed} are needed"
        )
    return estimate_at_rank(sample, rank, coverage)


def median_range(sample: Sequence[float]) -> Estimate:
    """Estimate the median between the smallest and the largest value, whose coverage is 1 - 2**(1 - n).

    An empty sample raises `TooFewRoundsError`.
    """
    if not sample:
        raise TooFewRoundsError("an empty sample has no median")
    return estimate_at_rank(sample, 1, 1.0 - 2.0 ** (1 - len(sample)))


def ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float], *, confidence: float = DEFAULT_CONFIDENCE
) -> Estimate:
    """Estimate the median of the ratios within blocks, e.g. T(1) / T(p).

    Item i of both was measured in block i, so what slows the whole block cancels.

    Raises
    ------
    ValueError
        If the lengths differ or a denominator is not above zero.
    TooFewRoundsError
        If there are too few blocks for ``confidence``.
    """
    if len(denominators) and not min(denominators) > 0:
        raise ValueError("denominators must be above zero")
    return median_interval([a / b for a, b in zip(numerators, denominators, strict=True)], confidence=confidence)
