"""The mean of something that was watched for a while, and how far another while of that length may be from it.

Values that follow one another are alike, so their scatter says little about that of their mean. Means of long batches
of them are nearly independent, and their scatter does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gilscope.stats.intervals import DEFAULT_CONFIDENCE, Estimate

MOST_BATCHES = 20
FEWEST_BATCHES = 10
"""More than 30 batches gain nothing, with fewer than 10 their variance is hardly known (Schmeiser, Operations Research
30 (1982) 556). Twenty leave room to join pairs that are still alike."""

_STUDENT = (2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)
"""Quantiles 0.975 of Student's t with 9 to 19 degrees of freedom."""


def _joined(rows: Sequence[tuple[float, float]], batches: int) -> list[tuple[float, float]]:
    """Join successive rows to so many batches of about equal weight; fewer where single rows outweigh a batch."""
    total = math.fsum(weight for weight, _ in rows)
    made: list[tuple[float, float]] = []
    weight = value = before = 0.0
    for row_weight, row_value in rows:
        weight, value = weight + row_weight, value + row_value
        if before + weight >= total * (len(made) + 1) / batches - 1e-9 * total:
            made.append((weight, value))
            before, weight, value = before + weight, 0.0, 0.0
    if weight and made:
        made[-1] = (made[-1][0] + weight, made[-1][1] + value)
    return made


def _alike(errors: Sequence[float]) -> float:
    """Correlation of successive batches."""
    squares = math.fsum(error * error for error in errors)
    return math.fsum(a * b for a, b in itertools.pairwise(errors)) / squares if squares else 0.0


def batch_means(rows: Sequence[tuple[float, float]]) -> Estimate | None:
    """Estimate the long-run mean of a quantity from what it summed up to in successive stretches of time.

    Parameters
    ----------
    rows : sequence of (float, float)
        Length of each stretch, and length times mean there, in the order of time. Those of length zero do not count.

    Returns
    -------
    Estimate or None
        ``n`` is the number of batches. None where the stretches make fewer than ten.

    Notes
    -----
    Batch means with a fixed number of batches (Law & Kelton, Simulation Modeling and Analysis, 3rd ed. (2000), section
    9.5.3), as a ratio because batches differ in length. Batches that are still alike are joined; what is left of their
    correlation widens the interval as that of a first-order autoregression would. Linear in the number of rows.
    """
    known = [row for row in rows if row[0] > 0.0]
    for batches in (MOST_BATCHES, FEWEST_BATCHES):
        made = _joined(known, batches) if len(known) >= FEWEST_BATCHES else []
        n = len(made)
        if n < FEWEST_BATCHES:
            return None
        total = math.fsum(weight for weight, _ in made)
        mean = math.fsum(value for _, value in made) / total
        errors = [value - mean * weight for weight, value in made]
        alike = _alike(errors)
        if alike <= 2.0 / math.sqrt(n):  # twice the standard error of a correlation that is none
            break
    widened = (1.0 + alike) / (1.0 - alike) if 0.0 < alike < 1.0 else 1.0
    variance = math.fsum(error * error for error in errors) * n / (n - 1) / total**2 * widened
    half = _STUDENT[n - FEWEST_BATCHES] * math.sqrt(variance)
    return Estimate(value=mean, low=mean - half, high=mean + half, confidence=DEFAULT_CONFIDENCE, n=n)
