"""Many runs over time: where efficiency or the share of the GIL changed, and where the machine did.

Runs are compared with those of the same surroundings only. What changed there is found by `stats.changes`, in all cases
and quantities together with a probability of ``CHANCE`` for anything invented.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Literal, TypeAlias

from gilscope.analysis.compare import LUCK
from gilscope.analysis.runs import Around, Figures, LeftOut, Run, read_runs
from gilscope.results.surroundings import Difference
from gilscope.stats import Estimate
from gilscope.stats.changes import Level, levels
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

Quantity: TypeAlias = Literal["efficiency", "gil"]

CHANCE = 0.01
"""Probability of any invented change in a folder, whatever the number of its cases."""

RUN_ERROR = 0.01
"""Standard deviation of the luck of a run, which no interval of its own shows: of efficiencies relative to them, of
shares of the GIL in points. See ``compare.LUCK``. Where runs differ by more, that is estimated from them."""

LEAST_CHANGE: Mapping[Quantity, float] = {"efficiency": math.log1p(LUCK), "gil": LUCK}
"""Smaller changes are within the luck of a build: the place of code in memory changes with every commit."""

_Z = NormalDist().inv_cdf(0.5 + DEFAULT_CONFIDENCE / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A level that changed between two runs of the same surroundings."""

    case: str
    quantity: Quantity
    before: Estimate  # the mean of the runs up to ``last``
    now: Estimate  # the mean of the runs from ``first`` on
    since: int  # number of the first run that had the level before
    last: int  # of the last one
    first: int  # number of the first run that has the level now
    until: int  # of the last one
    open: bool  # whether it is the latest change of its series where the newest run was measured

    @property
    def worse(self) -> bool:
        """Whether efficiency fell or the GIL is held longer."""
        return (self.now.value < self.before.value) == (self.quantity == "efficiency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A run that was measured in other surroundings than the one before."""

    run: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHistory:
    """One case in all runs that measured it."""

    case: str
    points: tuple[tuple[int, Figures], ...]  # number of the run, what it says
    changes: tuple[Change, ...] = ()

    @property
    def latest(self) -> Figures:
        """What the newest run says that measured it."""
        return self.points[-1][1]


@dataclass(frozen=True, kw_only=True)
class History:
    """A folder of runs."""

    folder: str
    runs: tuple[Run, ...]  # in the order of their commits
    left_out: tuple[LeftOut, ...]
    cases: tuple[CaseHistory, ...]
    breaks: tuple[Break, ...]  # machine, CPUs, kernel, Python, gilscope: runs are not compared across them
    libraries: tuple[Break, ...]  # versions of libraries: runs are compared across them

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """All changes by the run in which they began."""
        return tuple(sorted((one for case in self.cases for one in case.changes), key=lambda one: one.first))

    @property
    def regressions(self) -> tuple[Change, ...]:
        """Changes for the worse that the newest runs still show."""
        return tuple(one for one in self.changes if one.worse and one.open)


def read_history(folder: Path) -> History:
    """Read the runs in a folder and find what changed; time linear in the size of the files."""
    return history(str(folder), *read_runs(folder))


def history(folder: str, runs: Sequence[Run], left_out: Sequence[LeftOut] = ()) -> History:
    """Find what changed in runs that are in the order of their commits."""
    points: dict[str, list[tuple[int, Figures]]] = {}
    for number, run in enumerate(runs):
        for key, found in run.cases.items():
            points.setdefault(key, []).append((number, found))
    series = {
        (key, quantity): measured
        for key, own in points.items()
        for quantity in LEAST_CHANGE
        if (measured := _measured(own, quantity))
    }
    changes: dict[str, list[Change]] = {}
    for (key, quantity), measured in series.items():
        changes.setdefault(key, []).extend(_changes(key, quantity, measured, runs, CHANCE / len(series)))
    return History(
        folder=folder,
        runs=tuple(runs),
        left_out=tuple(left_out),
        cases=tuple(
            CaseHistory(case=key, points=tuple(own), changes=tuple(changes.get(key, ()))) for key, own in points.items()
        ),
        breaks=tuple(_breaks([run.machine for run in runs])),
        libraries=tuple(
            _breaks([tuple(("library", *item) for item in run.surroundings.libraries.items()) for run in runs])
        ),
    )


def estimate_of(figures: Figures, quantity: Quantity) -> Estimate | None:
    """Return one quantity of a case."""
    return figures.efficiency if quantity == "efficiency" else figures.held


def _measured(points: Sequence[tuple[int, Figures]], quantity: Quantity) -> list[tuple[int, Figures, Estimate]]:
    """Return the points that have an interval: of a single block nothing is known but that it was measured."""
    found = ((number, own, estimate_of(own, quantity)) for number, own in points)
    return [
        (number, own, one)
        for number, own, one in found
        if one is not None and one.has_interval and (quantity != "efficiency" or (one.low > 0 and own.workers > 1))
    ]


def _changes(
    key: str,
    quantity: Quantity,
    found: Sequence[tuple[int, Figures, Estimate]],
    runs: Sequence[Run],
    chance: float,
) -> Iterator[Change]:
    """Yield the changes of one series, stretch by stretch of equal surroundings."""
    stretches: dict[Around, list[tuple[int, Estimate]]] = {}
    for number, figures, estimate in found:
        stretches.setdefault(runs[number].around(figures), []).append((number, estimate))
    divided = levels(
        [[_value(one, quantity) for _, one in own] for own in stretches.values()],
        chance=chance,
        least=LEAST_CHANGE[quantity],
    )
    newest = found[-1][0]
    for own, parts in zip(stretches.values(), divided, strict=True):
        for before, now in pairwise(parts):
            yield Change(
                case=key,
                quantity=quantity,
                before=_level(before, quantity),
                now=_level(now, quantity),
                since=own[before.start][0],
                last=own[now.start - 1][0],
                first=own[now.start][0],
                until=own[now.stop - 1][0],
                open=now.stop == len(own) and own[-1][0] == newest,
            )


def _value(one: Estimate, quantity: Quantity) -> tuple[float, float]:
    """Return value and standard error: of efficiencies their logarithms, for their errors grow with them."""
    z = NormalDist().inv_cdf(0.5 + one.confidence / 2.0)
    value, low, high = (one.value, one.low, one.high)
    if quantity == "efficiency":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return value, math.hypot((high - low) / (2.0 * z), RUN_ERROR)


def _level(level: Level, quantity: Quantity) -> Estimate:
    ends = (level.mean, level.mean - _Z * level.error, level.mean + _Z * level.error)
    value, low, high = map(math.exp, ends) if quantity == "efficiency" else ends
    return Estimate(value=value, low=low, high=high, confidence=DEFAULT_CONFIDENCE, n=level.stop - level.start)


def _breaks(around: Sequence[Around]) -> Iterator[Break]:
    """Yield the runs around which something is known to be another than before the run."""
    for number, (old, new) in enumerate(pairwise(around), 1):
        if old is not new and old != new:
            before = {(where, name): value for where, name, value in old}
            differing = tuple(
                Difference(where=where, name=name, before=before[where, name], now=value)
                for where, name, value in new
                if before.get((where, name), value) != value
            )
            if differing:
                yield Break(run=number, differences=differing)
