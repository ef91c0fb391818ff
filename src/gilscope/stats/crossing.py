"""Where a rising curve known at a few points crosses a level: isotonic fit, interpolation, bootstrap over blocks."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

from gilscope.core.errors import TooFewRoundsError
from gilscope.stats.intervals import DEFAULT_CONFIDENCE, Estimate

T = TypeVar("T")

RESAMPLES = 1000
"""The ends of a 95 % interval are then the 25th values from either side: they move by a few per cent of its width."""


def isotonic_fit(values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Return the non-decreasing sequence closest to ``values`` by least squares, with ``weights`` above zero.

    Notes
    -----
    Pool adjacent violators: O(n). Barlow, Bartholomew, Bremner & Brunk, Statistical Inference under Order Restrictions
    (1972), chapter 1.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for value, weight in zip(values, weights or [1.0] * len(values), strict=True):
        mean, total, count = value, weight, 1
        while pools and pools[-1][0] > mean:
            before, before_weight, members = pools.pop()
            mean = (before * before_weight + mean * total) / (before_weight + total)
            total, count = total + before_weight, count + members
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]


def crossing(positions: Sequence[float], values: Sequence[float], level: float) -> float:
    """Return the smallest position from which a rising curve is at or above ``level``.

    Parameters
    ----------
    positions : sequence of float, shape (n,)
        Above zero and increasing; the curve is linear in their logarithm.
    values : sequence of float, shape (n,)
        Made non-decreasing first (`isotonic_fit`).

    Returns
    -------
    float
        0 if the curve is at the level from its first point on, infinite if it never gets there.

    Raises
    ------
    ValueError
        If there is no point, or the positions do not increase.
    """
    if not positions or any(a >= b for a, b in itertools.pairwise(positions)) or positions[0] <= 0:
        raise ValueError("positions must be above zero and increase")
    fitted = isotonic_fit(values)
    if fitted[0] >= level:
        return 0.0
    above = next((i for i, value in enumerate(fitted) if value >= level), None)
    if above is None:
        return math.inf
    share = (level - fitted[above - 1]) / (fitted[above] - fitted[above - 1])
    low, high = math.log(positions[above - 1]), math.log(positions[above])
    return math.exp(low + share * (high - low))


def median_crossing(positions: Sequence[float], blocks: Sequence[Sequence[float]], level: float) -> float:
    """Return the crossing of the curve of medians over ``blocks``, shape (n_blocks, n_positions)."""
    return crossing(positions, [statistics.median(column) for column in zip(*blocks, strict=True)], level)


def bootstrap_interval(
    blocks: Sequence[T], statistic: Callable[[Sequence[T]], float], *, seed: int = 1, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate a statistic of a sample of blocks with its percentile bootstrap interval.

    Parameters
    ----------
    blocks : sequence, shape (n_blocks,)
        Drawn with replacement, each as a whole: what was measured in one block stays together.
    statistic : callable (sequence of blocks) -> float, possibly infinite

    Returns
    -------
    Estimate
        The statistic of all blocks between the 2.5 % and the 97.5 % point of those of the resamples. ``confidence`` is
        at most what that many blocks can give, 1 - 2**(1 - n): 0 for one block.

    Raises
    ------
    TooFewRoundsError
        Without blocks.

    Notes
    -----
    Efron & Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    if not blocks:
        raise TooFewRoundsError("an empty sample has no interval")
    value = statistic(blocks)
    draw = random.Random(seed)
    found = sorted(statistic(draw.choices(blocks, k=len(blocks))) for _ in range(resamples))
    tail = (1.0 - DEFAULT_CONFIDENCE) / 2.0
    low, high = found[math.floor(tail * resamples)], found[math.ceil((1.0 - tail) * resamples) - 1]
    confidence = min(DEFAULT_CONFIDENCE, 1.0 - 2.0 ** (1 - len(blocks)))
    return Estimate(value=value, low=min(low, value), high=max(high, value), confidence=confidence, n=len(blocks))
