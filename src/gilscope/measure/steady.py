"""Rounds as they would have been on CPUs that keep their pace.

The CPU time of the same code may be up to twice as long for milliseconds to seconds, and no counter of the system shows
it: another virtual machine computes on the sibling hyperthread, the host puts two CPUs of this one on the same core, a
clock falls. It meets some codes and not others. Short rounds of two controls around each round of several workers show
it (``records.Pace``): T(1) of the case on each of the CPUs (or on one in turn, see ``pacing``), and ``spin`` on as many
workers as the case has.

- x1 and x2 are the logarithms of what these two took over their lower quartiles, for a worker those of its CPU, between
  the paces around its round, or the usual ones where its CPU was not tried;
- y is the logarithm of the CPU time of a worker, and y = b1 x1 + b2 x2 through the medians of a case, with the least
  sum of absolute deviations: b1 is 1 where T(1) meets what the workers do, b2 where ``spin`` does, and both are 0 where
  the workers' times vary of their own. Processes on one core are in each other's way, threads that compute in turn
  hardly are; only cases of too few rounds have the coefficients of all with the same T(1);
- of the CPU time of a worker, the part 1 - exp(-b1 x1 - b2 x2) is not the code's. The round would have ended earlier by
  what it is of the worker that everybody waits for; where workers compute one after the other, of all of them;
- workers of a user's function make the same calls in every round, and need more or less than each usually does by
  chance: of slow moments between the paces, or because calls differ. How many calls a round has is our choice, so the
  wait for whoever had the worst of it is not the function's: where all compute at a time, a round ends as if each had
  needed its usual share of all;
- of T(1) it is 1 - exp(-b x1), where y = b x1 alone for all its cases: no more than paces tell of them. A case with a
  larger or smaller b loses so much less or more, times the median of T(1)'s x1;
- of the control all coefficients of paces are 1, for both its T(1) and its T(p) are made of them.

What is the same in all blocks stays in: of CPUs that always share a core, both quartiles are those of a shared core.

Paired measurements cancel what both of a pair met, and coefficients below 1 keep what pairing would add (control
variates: Lavenberg & Welch, Management Science 27(3), 1981). Absolute deviations, because outliers are many, by
weighted squares (Schlossmacher, JASA 68(344), 1973). Time O(n log n) in the number of stamps.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from gilscope.core.cases import Case
from gilscope.core.records import Block, Pace, Round, Stamp
from gilscope.core.units import NS_PER_S
from gilscope.results.codec import parse_slot
from gilscope.results.schema import MAX_STAMPS

_NEAR_NS = 0.5 * NS_PER_S  # up to so far from a round a pace says something about it
_QUIET = 0.25
"""Share of the paces that are as fast as CPUs are, or faster. With less, T(1) and T(p), which may not meet the same,
are taken far from where they were measured; with more, little is taken out."""

_LEAST_ROWS = 16  # of paces and a worker's CPU time that coefficients are taken from
_PASSES = 30  # of weighted squares
_LEAST_DEVIATION = 1e-3  # of a logarithm: clocks do no better
_MOST = 1.0, 1.5  # coefficients: T(1) is the same code, ``spin`` another
_EDGE = 1e-9


def steadied(blocks: Sequence[Block]) -> Sequence[Block]:
    """Return blocks with the rounds of those cases steadied of whose T(1) there are paces; others as they are."""
    paces: dict[Case, list[Pace]] = {}
    for block in blocks:
        for pace in block.paces:
            paces.setdefault(pace.case, []).append(pace)
    if not paces:
        return blocks
    speeds = {control: _Speeds(own) for control, own in paces.items()}
    slots = {key: parse_slot(key) for block in blocks for key in block.rounds}
    families: dict[Case, dict[str, Case]] = {}
    for key, slot in slots.items():
        if slot.case.t1 in paces:
            families.setdefault(slot.case.t1, {})[key] = slot.case
    steady: dict[str, _Family] = {}
    for single, keys in families.items():
        family = _Family(single, keys, speeds, blocks)
        steady |= dict.fromkeys(keys, family)

    def rounds_of(block: Block) -> dict[str, Round]:
        found = block.rounds.items()
        return {key: steady[key].steadied(key, one) if key in steady else one for key, one in found}

    return [replace(block, rounds=rounds_of(block)) for block in blocks]


class _Speeds:
    """How slow CPUs were at any moment, as the logarithm of a factor over when they are quiet."""

    def __init__(self, paces: Iterable[Pace]) -> None:
        self.samples: dict[int, tuple[list[int], list[float]]] = {}  # CPU -> times in ns, in order, and logarithms
        for pace in sorted(paces, key=attrgetter("at_ns")):
            times, logs = self.samples.setdefault(pace.cpu, ([], []))
            times.append(pace.at_ns)
            logs.append(math.log(pace.cpu_ns))
        known = sorted(log for _, logs in self.samples.values() for log in logs)
        self._quiet = known[int(_QUIET * (len(known) - 1))]
        self.usual = statistics.fmean(known) - self._quiet

    def above(self, cpu_ns: float) -> float:
        """Return how slow one execution was."""
        return math.log(cpu_ns) - self._quiet

    def of(self, cpu: int, at_ns: int) -> float | None:
        """Return how slow a CPU was, between the paces around that moment; None where none is near."""
        times, logs = self.samples.get(cpu, ([], []))
        after = bisect.bisect_left(times, at_ns)
        near = [at for at in (after - 1, after) if 0 <= at < len(times) and abs(times[at] - at_ns) <= _NEAR_NS]
        if not near:
            return None
        first, last = near[0], near[-1]
        part = (at_ns - times[first]) / (times[last] - times[first]) if times[last] > times[first] else 0.0
        return logs[first] + part * (logs[last] - logs[first]) - self._quiet


@dataclass(frozen=True, slots=True)
class _Row:
    """One worker in one round: the logarithms of the docstring."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """The coefficients of cases: of both paces, of T(1) alone, and of ``spin`` alone; 0 with too few rounds."""

    both: tuple[float, float] = (0.0, 0.0)
    first: tuple[float, float] = (0.0, 0.0)
    second: tuple[float, float] = (0.0, 0.0)


_OF_PACES = _Fit(both=(0.0, 1.0), first=(1.0, 0.0), second=(0.0, 1.0))
"""Of the control on as many workers as CPUs are paced with: the paces tell all of what slowed it."""


class _Family:
    """The cases of one T(1)."""

    def __init__(
        self, single: Case, keys: Mapping[str, Case], speeds: Mapping[Case, _Speeds], blocks: Sequence[Block]
    ) -> None:
        self._keys, self._alone = keys, speeds[single]
        self._spins = {case.workers: own for case, own in speeds.items() if case.kernel == "spin" and case.workers > 1}
        singles = [one for key, case in keys.items() if case == single for one in _rounds(key, blocks)]
        busy = [one.running_ns / one.wall_ns for one in singles]
        self._busy = max(_EDGE, statistics.median(busy)) if busy else 1.0  # CPUs that T(1) keeps busy
        met = [
            self._alone.above(one.stamps[0].cpu_ns / one.repeats)
            for one in singles
            if one.stamps and one.stamps[0].cpu_ns > 0
        ]
        self._level = statistics.median(met) if met else 0.0
        rows = {
            key: _centred([row for one in _rounds(key, blocks) for row in self._rows(one, case)])
            for key, case in keys.items()
            if case != single
        }
        controls = {key for key in rows if parse_slot(key).role == "spin" and keys[key].workers in self._spins}
        own = {key: found for key, found in rows.items() if len(found) >= _LEAST_ROWS}
        self._together = _fit([row for key, found in rows.items() if key not in controls for row in found])
        alone = len(rows) == 1
        self._fits = {
            key: _OF_PACES if key in controls else self._together if alone else _fit(found)
            for key, found in own.items()
        }
        # Of T(1), by whether it is that of the control.
        self._of_single = {False: self._together.first[0], True: 1.0 if controls & own.keys() else 0.0}
        self._shapes = {
            key: _shape(case.workers, [(one, self._less(key, one)) for one in _rounds(key, blocks)])
            for key, case in keys.items()
            if case.is_own and 1 < case.workers <= MAX_STAMPS and case.schedule != "dynamic" and not case.by_tasks
        }

    def _rows(self, measured: Round, case: Case) -> Iterator[_Row]:
        for (x1, x2), stamp in zip(self._slow(measured, case), measured.stamps, strict=False):
            if x1 is not None and x2 is not None and stamp.cpu_ns > 0:
                yield _Row(x1, x2, math.log(stamp.cpu_ns / measured.repeats))

    def _slow(self, measured: Round, case: Case, *, is_single: bool = False) -> list[tuple[float | None, float | None]]:
        """Return x1 and x2 of each stamp; of ``native``, whose threads are everywhere, the means over the CPUs."""
        spin = self._spins.get(case.workers)

        if is_single and measured.stamps[0].cpu_ns > 0:  # made of the paces
            return [(self._alone.above(measured.stamps[0].cpu_ns / measured.repeats), 0.0)]

        def at(cpu: int | None, stamp_ns: int) -> tuple[float | None, float | None]:
            x1 = None if cpu is None else self._alone.of(cpu, stamp_ns)
            x2 = 0.0 if spin is None or case.workers == 1 else None if cpu is None else spin.of(cpu, stamp_ns)
            return x1, x2

        if case.executor == "native":
            middle = (measured.start_ns + measured.end_ns) // 2
            return [_mean([at(cpu, middle) for cpu in self._alone.samples])]
        return [at(stamp.cpu, (stamp.start_ns + stamp.end_ns) // 2) for stamp in measured.stamps]

    def _less(self, key: str, measured: Round) -> list[float]:
        """Return the CPU time in ns that each worker would not have needed on CPUs at their best."""
        case = self._keys[key]
        spin = self._spins.get(case.workers)
        is_single = parse_slot(key).role != "A/A" and case.workers == 1
        fit = self._fits.get(key, self._together)
        of_single = self._of_single[parse_slot(key).role == "spin"]
        above = 0.0 if case.workers == 1 else (fit.first[0] - of_single) * self._level
        less = []
        for stamp, (x1, x2) in zip(measured.stamps, self._slow(measured, case, is_single=is_single), strict=True):
            b1, b2 = (of_single, 0.0) if case.workers == 1 else fit.both
            if x1 is None and x2 is not None and spin is not None:  # one of many CPUs
                b1, b2 = fit.second
            first = self._alone.usual if x1 is None else x1
            second = x2 if x2 is not None else spin.usual if spin is not None else 0.0
            less.append(stamp.cpu_ns * -math.expm1(above - b1 * first - b2 * second))
        return less

    def steadied(self, key: str, measured: Round) -> Round:
        """Take out of a round what its CPUs were slower than at their best."""
        case, less, shape = self._keys[key], self._less(key, measured), self._shapes.get(key, ())
        if len(shape) != len(measured.stamps):
            shape = ()
        if not any(less) and not shape:
            return measured
        earlier, awaited = _earlier(measured, case, less, self._busy, shape)
        found = zip(measured.stamps, less, awaited, strict=True)
        kept = replace(
            measured,
            stamps=tuple(_without(stamp, round(lost), round(others)) for stamp, lost, others in found),
            slowed_ns=round(sum(less)),
            awaited_ns=round(sum(awaited)),
        )
        if case.executor == "native":  # its threads meet at the end
            net_ns = round(measured.wall_ns * (1.0 - less[0] / max(1, measured.stamps[0].cpu_ns)))
            return replace(kept, net_ns=max(1, net_ns), stolen_ns=measured.steal_ns)
        if measured.net_ns is None:
            return kept
        return replace(kept, net_ns=max(1, measured.net_ns - round(earlier)), earlier_ns=round(earlier))


def _without(stamp: Stamp, lost_ns: int, awaited_ns: int) -> Stamp:
    """Take CPU time out of a stamp, and waiting for others, which idle time takes the place of."""
    inside = min(stamp.waiting_ns, awaited_ns)
    return replace(
        stamp,
        cpu_ns=stamp.cpu_ns - lost_ns,
        waiting_ns=stamp.waiting_ns - inside,
        end_ns=stamp.end_ns + awaited_ns - inside,
    )


def _rounds(key: str, blocks: Iterable[Block]) -> list[Round]:
    return [block.rounds[key] for block in blocks if key in block.rounds]


def _mean(found: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    known = [(x1, x2) for x1, x2 in found if x1 is not None and x2 is not None]
    if not known:
        return None, None
    return statistics.fmean(x1 for x1, _ in known), statistics.fmean(x2 for _, x2 in known)


def _centred(rows: Sequence[_Row]) -> list[_Row]:
    if not rows:
        return []
    x1, x2, y = (statistics.median(getattr(row, name) for row in rows) for name in ("x1", "x2", "y"))
    return [_Row(row.x1 - x1, row.x2 - x2, row.y - y) for row in rows]


def _fit(rows: Sequence[_Row]) -> _Fit:
    if len(rows) < _LEAST_ROWS:
        return _Fit()
    return _Fit(
        both=_fitted(rows),
        first=_fitted([_Row(row.x1, 0.0, row.y) for row in rows]),
        second=_fitted([_Row(0.0, row.x2, row.y) for row in rows]),
    )


def _fitted(rows: Sequence[_Row]) -> tuple[float, float]:
    """Return b1 and b2 with the least sum of absolute deviations, each between 0 and the most it can be."""
    b1 = b2 = 0.0
    weights = [1.0] * len(rows)
    for _ in range(_PASSES):
        s11 = _EDGE + math.fsum(w * row.x1 * row.x1 for w, row in zip(weights, rows, strict=True))
        s22 = _EDGE + math.fsum(w * row.x2 * row.x2 for w, row in zip(weights, rows, strict=True))
        s12 = math.fsum(w * row.x1 * row.x2 for w, row in zip(weights, rows, strict=True))
        s1y = math.fsum(w * row.x1 * row.y for w, row in zip(weights, rows, strict=True))
        s2y = math.fsum(w * row.x2 * row.y for w, row in zip(weights, rows, strict=True))
        b1, b2 = _best(s11, s22, s12, s1y, s2y)
        weights = [1.0 / max(_LEAST_DEVIATION, abs(row.y - b1 * row.x1 - b2 * row.x2)) for row in rows]
    return b1, b2


def _best(s11: float, s22: float, s12: float, s1y: float, s2y: float) -> tuple[float, float]:
    """Return the least squares within the limits: inside, or best on one of the edges."""
    determinant = s11 * s22 - s12 * s12
    edges = [(b1, _within((s2y - b1 * s12) / s22, _MOST[1])) for b1 in (0.0, _MOST[0])]
    edges += [(_within((s1y - b2 * s12) / s11, _MOST[0]), b2) for b2 in (0.0, _MOST[1])]
    if determinant > _EDGE * s11 * s22:
        b1, b2 = (s1y * s22 - s2y * s12) / determinant, (s2y * s11 - s1y * s12) / determinant
        if 0.0 <= b1 <= _MOST[0] and 0.0 <= b2 <= _MOST[1]:
            return b1, b2
    return min(
        edges, key=lambda b: b[0] * (b[0] * s11 + 2.0 * b[1] * s12 - 2.0 * s1y) + b[1] * (b[1] * s22 - 2.0 * s2y)
    )


def _within(value: float, most: float) -> float:
    return min(most, max(0.0, value))


def _shape(workers: int, rounds: Sequence[tuple[Round, Sequence[float]]]) -> Sequence[float]:
    """Return the CPU time of each worker over their mean, as in most rounds, without what slow CPUs cost."""
    shares = []
    for measured, less in rounds:
        rest = [stamp.cpu_ns - lost for stamp, lost in zip(measured.stamps, less, strict=True)]
        if len(rest) == workers and sum(rest) > 0:
            shares.append([workers * one / sum(rest) for one in rest])
    usual = [statistics.median(own) for own in zip(*shares, strict=True)]
    return [workers * one / sum(usual) for one in usual] if sum(usual) > 0 else ()


def _evened(stamps: Sequence[Stamp], less: Sequence[float], shape: Sequence[float], part: float) -> Sequence[float]:
    """Return ``less`` with what a worker needs beyond its usual share of all, or a part of that; the sum stays."""
    rest = [stamp.cpu_ns - lost for stamp, lost in zip(stamps, less, strict=True)]
    mean = statistics.fmean(rest)
    return [lost + part * (one - mean * own) for lost, one, own in zip(less, rest, shape, strict=True)]


def _earlier(
    measured: Round, case: Case, less: Sequence[float], alone: float, shape: Sequence[float]
) -> tuple[float, Sequence[float]]:
    """Return by how much a round ends earlier if its workers need ``less`` CPU time, and how much less each waits.

    Of all they need less, over how many go on at a time: each goes on as long as it keeps a CPU as busy as one worker
    ``alone`` does. The more all of them do, the more it is as of the busiest, for which the others waited, unless
    whoever is done takes the next chunk. ``shape``, if known, is what each usually needs of all: the round then ends as
    if each had needed that, and the waiting for who needed more by chance stays what it was.
    """
    stamps, workers = measured.stamps, len(measured.stamps)
    if workers == 1:
        return less[0], [0.0]
    busy = [
        max(1, stamp.end_ns - stamp.start_ns - stamp.waiting_ns - stamp.waking_ns - (stamp.run_queue_ns or 0))
        for stamp in stamps
    ]
    running = sum(min(1.0, stamp.cpu_ns / own / alone) for stamp, own in zip(stamps, busy, strict=True))
    shared = sum(less) / max(1.0, running)
    if case.schedule == "dynamic" or case.by_tasks:
        return shared, [0.0] * workers
    together, last = max(0.0, (running - 1.0) / (workers - 1.0)), max(stamp.end_ns for stamp in stamps)
    busiest = max(busy) - max(own - lost for own, lost in zip(busy, less, strict=True))
    waits = [stamp.waiting_ns + last - stamp.end_ns for stamp in stamps]
    awaited = [together * min(max(0.0, busiest - lost), wait) for lost, wait in zip(less, waits, strict=True)]
    if shape:
        evened = _evened(stamps, less, shape, together)
        busiest = max(busy) - max(own - lost for own, lost in zip(busy, evened, strict=True))
    return together * busiest + (1.0 - together) * shared, awaited
