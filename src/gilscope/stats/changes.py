"""Change points in the figures of many runs: where the level changed, and by how much.

Seeded binary segmentation (Kovacs, Buhlmann, Li & Munk, Biometrika 110(1), 2023) with the narrowest interval over the
threshold first (Baranowski, Chen & Fryzlewicz, JRSS B 81(3), 2019). Short intervals hold one change each, so a change
that is taken back, or followed by another, hides none.

Each value has an error of its own, known from its run. What runs differ by beyond that is estimated from successive
differences, which a change of level touches in one place only (von Neumann, Kent, Bellinson & Hart, Annals of
Mathematical Statistics 12(2), 1941), and from the scatter around the levels, which drift and noisy times widen too.
Errors are never taken for smaller than they are known to be (the ratio of Birge, Physical Review 40, 1932).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import TypeAlias

LEAST_RUNS = 3
"""Runs that a level must have: one or two that differ may have met a neighbour, which changes nothing in the code."""

_DECAY = math.sqrt(0.5)  # of the length of intervals from layer to layer: the authors' choice

Values: TypeAlias = Sequence[tuple[float, float]]
"""Values in the order of their runs, each with its standard error, which is above zero."""


@dataclass(frozen=True, slots=True)
class Level:
    """What a stretch of runs has in common: runs ``start`` to ``stop - 1``, their mean and its standard error."""

    start: int
    stop: int
    mean: float
    error: float


@lru_cache(maxsize=256)
def seeded_intervals(n: int) -> tuple[tuple[int, int], ...]:
    """Return intervals of 0 to n in which changes are looked for, the shortest first; their number grows as n does."""
    found, length, layer = set(), float(n), 0
    while length >= 2 * LEAST_RUNS:
        count = 2 * math.ceil((1.0 / _DECAY) ** layer) - 1
        step = (n - length) / (count - 1) if count > 1 else 0.0
        found |= {(math.floor(i * step), min(n, math.ceil(i * step + length))) for i in range(count)}
        length, layer = length * _DECAY, layer + 1
    return tuple(sorted(found, key=lambda ends: (ends[1] - ends[0], ends)))


@lru_cache(maxsize=4096)
def student_quantile(tail: float, freedom: float) -> float:
    """Return what Student's t exceeds in absolute value with probability ``tail``.

    ``freedom`` is at least 1. To six digits: Hill, Algorithm 396, Communications of the ACM 13(10), 1970.
    """
    n = max(1.0, freedom)
    if n < 2.0:  # as with one degree of freedom, which is more careful
        return 1.0 / math.tan(tail * math.pi / 2.0)
    if n < 3.0:  # as with two
        return math.sqrt(2.0 / (tail * (2.0 - tail)) - 2.0)
    a = 1.0 / (n - 0.5)
    b = 48.0 / a**2
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2.0) * n
    y = (d * tail) ** (2.0 / n)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(tail / 2.0)
        y = x * x
        c += 0.3 * (n - 4.5) * (x + 0.6) if n < 5.0 else 0.0
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b
        y = a * ((((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x) ** 2
        y = math.expm1(y)
    else:
        y = ((1.0 / (((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0) + 0.5 / (n + 4.0)) * y - 1.0) * (
            n + 1.0
        ) / (n + 2.0) + 1.0 / y
    return math.sqrt(n * y)


class _Stretch:
    """Runs that can be compared with each other: sums from which every split is judged in constant time."""

    def __init__(self, values: Values) -> None:
        self.n = len(values)
        centre = values[0][0] if values else 0.0  # so that sums of squares keep their digits
        weights = [error**-2 for _, error in values]
        found = [value - centre for value, _ in values]
        self._centre = centre
        self._w = list(accumulate(weights, initial=0.0))
        self._wx = list(accumulate((w * x for w, x in zip(weights, found, strict=True)), initial=0.0))
        self._wxx = list(accumulate((w * x * x for w, x in zip(weights, found, strict=True)), initial=0.0))
        self.steps = [  # squared differences of neighbours in units of what their errors allow
            (x - y) ** 2 / (e * e + f * f) for (x, e), (y, f) in pairwise(values)
        ]
        self.tests = sum(stop - start - 2 * LEAST_RUNS + 1 for start, stop in seeded_intervals(self.n))
        self.changes: list[int] = []

    def level(self, start: int, stop: int, scale: float = 1.0) -> Level:
        w = self._w[stop] - self._w[start]
        mean = self._centre + (self._wx[stop] - self._wx[start]) / w
        return Level(start, stop, mean, scale / math.sqrt(w))

    def _square(self, start: int, stop: int) -> float:
        """Return the weighted squares around the mean of an interval."""
        w, wx = self._w[stop] - self._w[start], self._wx[stop] - self._wx[start]
        return max(0.0, self._wxx[stop] - self._wxx[start] - wx * wx / w)

    def best(self, start: int, stop: int) -> tuple[int, float]:
        """Return the split of an interval that explains most, and its squared distance in units of the errors."""
        best, most = start + LEAST_RUNS, -1.0
        w, wx = self._w, self._wx
        for at in range(start + LEAST_RUNS, stop - LEAST_RUNS + 1):
            left, right = w[at] - w[start], w[stop] - w[at]
            gap = (wx[stop] - wx[at]) / right - (wx[at] - wx[start]) / left
            if (found := gap * gap * left * right / (left + right)) > most:
                best, most = at, found
        return best, most

    def scatter(self, start: int, at: int, stop: int) -> float:
        """Return the variance around both levels in units of the errors."""
        return (self._square(start, at) + self._square(at, stop)) / (stop - start - 2)

    def open(self) -> Iterator[tuple[int, int]]:
        """Yield the intervals in which no change was found yet."""
        for start, stop in seeded_intervals(self.n):
            if not any(start < at < stop for at in self.changes):
                yield start, stop


def levels(stretches: Sequence[Values], *, chance: float, least: float = 0.0) -> list[tuple[Level, ...]]:
    """Divide stretches of runs into levels: between two of a stretch something changed.

    Parameters
    ----------
    stretches : sequence of sequences of (value, error)
        Values that can be compared within each stretch only, for example of one machine each.
    chance : float
        Probability of any invented change in all stretches together, for independent normal errors.
    least : float
        Changes that are smaller are none.

    Returns
    -------
    list of tuples of Level
        Per stretch, in order; one level where nothing changed, none where nothing was measured.

    Notes
    -----
    Every split of every interval is one test, at ``chance`` over their number (Bonferroni). Time O(n log n) for n runs,
    once per change.
    """
    runs = [_Stretch(values) for values in stretches]
    tests = sum(run.tests for run in runs)
    while tests and any(_add_change(run, runs, chance / tests, least) for run in runs):
        pass
    return [_levels(run, runs, chance / tests if tests else chance, least) for run in runs]


def _noise(runs: Sequence[_Stretch], run: _Stretch, at: int) -> tuple[float, float]:
    """Return the variance between neighbours in units of the errors, and its degrees of freedom.

    Changes that were found are left out, and the one that may be before ``at`` of ``run``; none for 0.
    """
    total, count = 0.0, 0
    for one in runs:
        total += math.fsum(one.steps)
        count += len(one.steps)
        for change in {*one.changes, *([at] if one is run and at else [])}:
            total -= one.steps[change - 1]
            count -= 1
    return max(0.0, total) / max(1, count), 2.0 * count**2 / (3.0 * count - 1.0) if count else 1.0


def _significant(
    run: _Stretch, runs: Sequence[_Stretch], split: tuple[int, int, int], square: float, tail: float, least: float
) -> bool:
    """Whether both sides of a split differ for certain, and by enough."""
    start, at, stop = split
    if abs(run.level(at, stop).mean - run.level(start, at).mean) < least:
        return False
    between, freedom = _noise(runs, run, at)
    variance = max(1.0, between, run.scatter(start, at, stop))
    return square > variance * student_quantile(tail, freedom) ** 2


def _add_change(run: _Stretch, runs: Sequence[_Stretch], tail: float, least: float) -> bool:
    """Add the change of the shortest interval that has one; False if there is none."""
    certain = NormalDist().inv_cdf(tail / 2.0) ** 2  # no t is below: most intervals need no more than this
    for start, stop in run.open():
        at, square = run.best(start, stop)
        if square > certain and _significant(run, runs, (start, at, stop), square, tail, least):
            run.changes = sorted([*run.changes, at])
            return True
    return False


def _levels(run: _Stretch, runs: Sequence[_Stretch], tail: float, least: float) -> tuple[Level, ...]:
    """Place every change where it explains most between its neighbours, and drop what is none there."""
    for change in list(run.changes):
        others = [at for at in run.changes if at != change]
        start = max((at for at in others if at < change), default=0)
        stop = min((at for at in others if at > change), default=run.n)
        at, square = run.best(start, stop)
        run.changes = sorted([*others, at])
        if not _significant(run, runs, (start, at, stop), square, tail, least):
            run.changes = others
    if not run.n:
        return ()
    scale = math.sqrt(max(1.0, _noise(runs, run, 0)[0])) if run.n > 1 else 1.0
    return tuple(run.level(start, stop, scale) for start, stop in pairwise([0, *run.changes, run.n]))
