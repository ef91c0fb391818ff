"""Where the core-seconds of a parallel round went: the p * T(p) of a round in parts that add up exactly.

Each part is summed over the workers in the window of the round, per execution, and the same part of the T(1) round of
the same block is subtracted: loss = part(p) - part(1). So p * T(p) = T(1) + sum of the losses in every block.
Where every worker does the whole work (weak scaling), T(1) and its parts count once per worker.

============= =========================================================================================================
dispatch      (start - window's start) + woken late at barriers + (window's end - last end), less what of the first two
              was queueing: messages, pickling, combining, wake-ups
imbalance     waiting for others at barriers + (last end - own end)
inflation     CPU time inside compute beyond that of T(1): bandwidth, caches, shared cores, contention, extra work
run_queue     runnable without running: inside compute, at most compute - cpu; and what is left of the delay while
              starting late or being woken late at barriers, which is where workers queue that outnumber their CPUs
stolen        the hypervisor's steal, at most what is left
gil_wait      mean threads waiting for the GIL in diagnostic rounds x T(p), at most what is left
blocked       what is left of compute: locks, I/O, sleep
omp_idle      of ``native`` instead of gil_wait, blocked, dispatch and imbalance: its threads have no stamps. Threads
              that spin while they wait are counted as CPU, hence as inflation
residual      what makes the sum exact: CPU time beyond compute, by the resolution of the clocks; not above zero
============= =========================================================================================================
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from gilscope.analysis.columns import Columns, Role, averaged
from gilscope.core.cases import Case
from gilscope.core.records import Round, Stamp
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate

__all__ = [
    "LOSSES",
    "NOT_OF_CHUNKS",
    "NOT_OF_NATIVE",
    "Account",
    "account",
    "largest",
    "losses_between",
    "parts_of",
    "rank_weights",
]

LOSSES = (
    "gil_wait",
    "run_queue",
    "stolen",
    "dispatch",
    "imbalance",
    "blocked",
    "omp_idle",
    "inflation",
    "residual",
)
NOT_OF_NATIVE = frozenset({"gil_wait", "dispatch", "imbalance", "blocked"})
NOT_OF_CHUNKS = frozenset({"omp_idle"})


WORTH_SHOWING = 0.02
"""Smallest loss that is shown by itself: smaller ones are within the scatter of a quiet machine's rounds."""

Parts: TypeAlias = Mapping[str, float]
"""Core-seconds of one execution by part."""


class _Share(NamedTuple):
    """One worker's part of a round, or several workers' together; ns."""

    late: float
    handling: float
    imbalance: float
    compute: float
    cpu: float
    run_queue: float


def rank_weights(workers: int, kept: int) -> tuple[float, ...]:
    """Return how many of ``workers`` sorted values each of ``kept`` evenly spread quantiles stands for.

    Each value goes to the nearest quantile, one half-way to both by halves; the weights add up to ``workers``.
    """
    if kept == workers or kept == 1:
        return (workers / kept,) * kept
    picks = [round(i * (workers - 1) / (kept - 1)) for i in range(kept)]
    edges = [-0.5, *((a + b) / 2 for a, b in itertools.pairwise(picks)), workers - 0.5]
    return tuple(high - low for low, high in itertools.pairwise(edges))


def _shares(measured: Round) -> Iterator[_Share]:
    """Yield the share of each worker."""
    last = max(stamp.end_ns for stamp in measured.stamps)
    for stamp in measured.stamps:
        yield _Share(
            late=(stamp.start_ns - measured.start_ns) + stamp.waking_ns,
            handling=measured.end_ns - last,
            imbalance=stamp.waiting_ns + (last - stamp.end_ns),
            compute=(stamp.end_ns - stamp.start_ns) - stamp.waiting_ns - stamp.waking_ns,
            cpu=stamp.cpu_ns,
            run_queue=stamp.run_queue_ns or 0,
        )


def _together(shares: Iterable[_Share], weights: Sequence[float]) -> _Share:
    """Add shares up. Quantiles are sorted field by field, so only their sums mean something."""
    rows = [tuple(weight * value for value in share) for share, weight in zip(shares, weights, strict=True)]
    return _Share(*(sum(column) for column in zip(*rows, strict=True)))


def _native(measured: Round, stamp: Stamp, workers: int) -> _Share:
    """Return the one share of all threads of a runtime."""
    compute = workers * measured.wall_ns
    return _Share(late=0, handling=0, imbalance=0, compute=compute, cpu=stamp.cpu_ns, run_queue=stamp.run_queue_ns or 0)


def _shares_of(measured: Round, case: Case) -> list[_Share]:
    """Return the shares of a round; none where its stamps do not fit the case."""
    kept = len(measured.stamps)
    if case.executor == "native":
        return [_native(measured, measured.stamps[0], case.workers)] if kept == 1 else []
    if not 0 < kept <= case.workers:
        return []
    if kept == case.workers:
        return list(_shares(measured))
    return [_together(_shares(measured), rank_weights(case.workers, kept))]


def parts_of(measured: Round, case: Case, *, waiting: float = 0.0, copies: int = 1) -> Parts | None:
    """Partition the core-seconds of one execution.

    Parameters
    ----------
    copies : int
        How many times the work: T(1) of a case whose workers each do the whole work counts once per worker.
    waiting : float
        Mean number of threads that wait for the GIL.

    Returns
    -------
    dict or None
        Core-seconds by part; ``cpu`` instead of ``inflation``. They add up to workers x T(p). None without stamps.
    """
    shares = _shares_of(measured, case)
    if not shares:
        return None
    idle = run_queue = residual = queued_late = 0.0
    for share in shares:
        free = max(0.0, share.compute - share.cpu)
        residual += min(0.0, share.compute - share.cpu)
        queued = min(max(0.0, share.run_queue), free)
        late = min(max(0.0, share.run_queue - queued), max(0.0, share.late))
        run_queue += queued + late
        queued_late += late
        idle += free - queued
    stolen = min(max(0, measured.steal_ns or 0), idle)
    native = case.executor == "native"
    gil_wait = 0.0 if native else min(max(0.0, waiting) * measured.wall_ns, idle - stolen)
    rest = idle - stolen - gil_wait
    parts = {
        "gil_wait": gil_wait,
        "run_queue": run_queue,
        "stolen": stolen,
        "dispatch": sum(share.late + share.handling for share in shares) - queued_late,
        "imbalance": sum(share.imbalance for share in shares),
        "blocked": 0.0 if native else rest,
        "omp_idle": rest if native else 0.0,
        "cpu": sum(share.cpu for share in shares),
        "residual": residual,
    }
    return {name: copies * value / measured.repeats / NS_PER_S for name, value in parts.items()}


def losses_between(parallel: Parts, single: Parts) -> dict[str, float]:
    """Subtract the parts of T(1) from those of T(p); core-seconds per execution."""
    return {name: parallel[part] - single[part] for name in LOSSES for part in ["cpu" if name == "inflation" else name]}


@dataclass(slots=True, kw_only=True)
class Account:
    """The losses of one case, per block, as fractions of p * T(p).

    Parameters
    ----------
    fractions : dict of loss to column
        In every block the fractions add up to 1 - efficiency.
    waiting : Estimate or None
        Mean number of threads that wait for the GIL.
    gil_wait_ends : dict
        What ``gil_wait`` would be less and more, per block, were that number at the ends of its interval.
    unknown : set of str
        Losses that this case cannot have or whose clocks nobody read; they are zero in ``fractions``.
    cpu_ratio : column
        CPU time of T(p) over that of T(1).
    cpu_weight : column
        CPU time of T(1) as a fraction of p * T(p): turns differences of ``cpu_ratio`` into fractions.
    cpu_per_wall : column
        CPU time of all workers over T(p): how many CPUs were busy.
    uneven : column
        p x the largest worker's CPU time - that of all, as a fraction of p * T(p): what uneven work costs.
    throttled : column
        Time the cgroup's quota stopped threads, as a fraction of p * T(p).
    single_blocked : column
        Share of T(1) in which its thread neither ran nor was runnable.
    single_cpus : column
        CPUs that T(1) kept busy, with the threads of the libraries it calls; about 1 without such threads.
    """

    fractions: dict[str, dict[int, float]] = field(default_factory=lambda: {name: {} for name in LOSSES})
    waiting: Estimate | None = None
    gil_wait_ends: dict[int, tuple[float, float]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    cpu_ratio: dict[int, float] = field(default_factory=dict)
    cpu_weight: dict[int, float] = field(default_factory=dict)
    cpu_per_wall: dict[int, float] = field(default_factory=dict)
    uneven: dict[int, float] = field(default_factory=dict)
    throttled: dict[int, float] = field(default_factory=dict)
    single_blocked: dict[int, float] = field(default_factory=dict)
    single_cpus: dict[int, float] = field(default_factory=dict)

    def add_single(self, at: int, measured: Round) -> None:
        """Add what the T(1) round of one block tells by itself."""
        if measured.process_cpu_ns is not None:
            self.single_cpus[at] = measured.process_cpu_ns / measured.wall_ns

    def add(self, at: int, case: Case, measured: Round, parallel: Parts, single: Parts) -> None:
        """Add one block."""
        total_s = case.workers * measured.wall_ns / measured.repeats / NS_PER_S
        for name, seconds in losses_between(parallel, single).items():
            self.fractions[name][at] = seconds / total_s
        if single["cpu"] > 0:
            self.cpu_ratio[at] = parallel["cpu"] / single["cpu"]
        self.gil_wait_ends[at] = self._ends(case, measured, parallel["gil_wait"], total_s)
        self.cpu_weight[at] = single["cpu"] / total_s
        self.cpu_per_wall[at] = case.workers * parallel["cpu"] / total_s
        busiest_s = max(stamp.cpu_ns for stamp in measured.stamps) / measured.repeats / NS_PER_S
        self.uneven[at] = (case.workers * busiest_s - parallel["cpu"]) / total_s
        if measured.throttled_ns is not None:
            self.throttled[at] = measured.throttled_ns / (case.workers * measured.wall_ns)
        self.single_blocked[at] = (single["blocked"] + single["omp_idle"]) / sum(single.values())

    def _ends(self, case: Case, measured: Round, gil_wait_s: float, total_s: float) -> tuple[float, float]:
        """Return by how much the GIL's part of a block moves to either end of what is known of the waiting threads."""
        if self.waiting is None:
            return 0.0, 0.0
        ends = [parts_of(measured, case, waiting=number) for number in (self.waiting.low, self.waiting.high)]
        low, high = ((end["gil_wait"] - gil_wait_s) / total_s if end is not None else 0.0 for end in ends)
        return low, high

    def lost(self, *names: str) -> Estimate | None:
        """Estimate the sum of some losses.

        How many threads wait for the GIL is an estimate too, and what they do not wait for it they are blocked. So the
        interval reaches from that of the blocks with the fewest to that with the most: wider than either error alone,
        and for independent errors no narrower than both together.
        """
        middle = averaged(self.lost_by_block(*names))
        moved = ("gil_wait" in names) - ("blocked" in names)
        if middle is None or self.waiting is None or not moved:
            return middle
        ends = [averaged(self._moved(moved, end, *names)) or middle for end in (0, 1)]
        trust = self.waiting.confidence or middle.confidence  # of one round of a file of before nothing is known
        return replace(
            middle,
            low=min(middle.low, *(end.low for end in ends)),
            high=max(middle.high, *(end.high for end in ends)),
            confidence=min(middle.confidence, trust),
        )

    def _moved(self, sign: int, end: int, *names: str) -> dict[int, float]:
        """Return the sum of some losses block by block with the GIL's part at an end of its interval."""
        return {at: lost + sign * self.gil_wait_ends[at][end] for at, lost in self.lost_by_block(*names).items()}

    def lost_by_block(self, *names: str) -> dict[int, float]:
        """Return the sum of some losses block by block."""
        return {at: sum(self.fractions[name][at] for name in names) for at in self.cpu_weight}


def account(columns: Columns, case: Case, role: Role = "case", *, waiting: Estimate | None = None) -> Account | None:
    """Account for a case over all blocks that have it and its T(1) with stamps; None where there is none.

    Parameters
    ----------
    role : {"case", "spin", "isolated"}
        ``isolated`` has the T(1) of the case itself.
    waiting : Estimate, optional
        Mean number of threads that wait for the GIL; None where it was not measured or there is none.

    Notes
    -----
    Time linear in the number of stamps.
    """
    singles = columns.rounds_of(case.t1, "spin" if role == "spin" else "case")
    made = Account(waiting=waiting, unknown=set(NOT_OF_NATIVE if case.executor == "native" else NOT_OF_CHUNKS))
    if waiting is None:
        made.unknown.add("gil_wait")
    for at, measured in columns.rounds_of(case, role).items():
        if at not in singles:
            continue
        parallel = parts_of(measured, case, waiting=waiting.value if waiting is not None else 0.0)
        single = parts_of(singles[at], case.t1, copies=case.copies)
        if parallel is None or single is None:
            continue
        made.add(at, case, measured, parallel, single)
        made.add_single(at, singles[at])
        made.unknown |= _unread(measured) | _unread(singles[at])
    return made if made.cpu_weight else None


def largest(losses: Mapping[str, Estimate | None]) -> tuple[str, Estimate] | None:
    """Return the largest loss with a cause; None where there is none that is certain and worth showing."""
    known = [(name, lost) for name, lost in losses.items() if lost is not None and name != "residual"]
    name, lost = max(known, key=lambda pair: pair[1].value, default=("", None))
    if lost is None or lost.value < WORTH_SHOWING or lost.low <= 0:
        return None
    return name, lost


def _unread(measured: Round) -> set[str]:
    """Name the parts whose clocks the system did not tell."""
    missing = {"run_queue"} if any(stamp.run_queue_ns is None for stamp in measured.stamps) else set()
    return missing | ({"stolen"} if measured.steal_ns is None else set())
