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
gil_wait      mean threads waiting for the GIL in diagnostic rounds x T(p), at most what is left
stolen        the hypervisor's steal, at most what is left: of workers that never gave up their CPU of their own accord;
              in files without it, that of the whole machine. And what CPUs took longer than when they are quiet, with
              the waiting of the others for it
blocked       what is left of compute: locks, I/O, sleep
omp_idle      of ``native`` instead of gil_wait, blocked, dispatch and imbalance: its threads have no stamps. Threads
              that spin while they wait are counted as CPU, hence as inflation
residual      what makes the sum exact: CPU time beyond compute, by the resolution of the clocks; not above zero
============= =========================================================================================================
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from gilscope.analysis.columns import Columns, Role, averaged
from gilscope.core.cases import Case
from gilscope.core.clocks import faulting_ns
from gilscope.core.records import Round
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate

LOSSES = ("gil_wait", "run_queue", "stolen", "dispatch", "imbalance", "blocked", "omp_idle", "inflation", "residual")

MARGIN = 10.0
"""Workers that wait for locks may queue so many times as long as those that wait for nothing, on the same CPUs, before
some of it is held to be behind each other: a scheduler that wakes one where another runs leaves them there for ms."""

Parts: TypeAlias = Mapping[str, float]
"""Core-seconds of one execution by part."""

_Column: TypeAlias = dict[int, float]


class _WorkerTime(NamedTuple):
    """One worker's part of a round, or several workers' together; ns."""

    compute: float
    cpu: float
    run_queue: float
    late: float = 0.0
    handling: float = 0.0
    imbalance: float = 0.0


def rank_weights(workers: int, kept: int) -> tuple[float, ...]:
    """Return how many of ``workers`` sorted values each of ``kept`` evenly spread quantiles stands for.

    Each value goes to the nearest quantile, one half-way to both by halves; the weights add up to ``workers``.
    """
    if kept in (1, workers):
        return (workers / kept,) * kept
    picks = [round(i * (workers - 1) / (kept - 1)) for i in range(kept)]
    edges = [-0.5, *((a + b) / 2 for a, b in itertools.pairwise(picks)), workers - 0.5]
    return tuple(high - low for low, high in itertools.pairwise(edges))


def _times_of(measured: Round, case: Case) -> list[_WorkerTime]:
    """Return the times of the workers, or of several together; none where the stamps do not fit the case."""
    stamps, kept = measured.stamps, len(measured.stamps)
    if case.executor == "native":  # one stamp for all threads of the runtime
        compute = case.workers * measured.wall_ns
        return [_WorkerTime(compute, stamp.cpu_ns, stamp.run_queue_ns or 0) for stamp in stamps] if kept == 1 else []
    if not 0 < kept <= case.workers:
        return []
    last = max(stamp.end_ns for stamp in stamps)
    each = [
        _WorkerTime(
            compute=(stamp.end_ns - stamp.start_ns) - stamp.waiting_ns - stamp.waking_ns,
            cpu=stamp.cpu_ns,
            run_queue=stamp.run_queue_ns or 0,
            late=(stamp.start_ns - measured.start_ns) + stamp.waking_ns,
            handling=measured.end_ns - last,
            imbalance=stamp.waiting_ns + (last - stamp.end_ns),
        )
        for stamp in stamps
    ]
    if kept == case.workers:
        return each
    # Quantiles are sorted field by field, so only their sums mean something.
    weights = rank_weights(case.workers, kept)
    return [_WorkerTime(*(sum(map(operator.mul, weights, column)) for column in zip(*each, strict=True)))]


def behind_others(queue_ns: float, cpu_ns: float, queued: float | None) -> float:
    """Return the share of some workers' queueing that other programs are to blame for.

    ``queued`` is the queueing of workers that wait for nothing, on the same CPUs, over their CPU time; None: all of it.
    """
    if queued is None or queue_ns <= 0:
        return 1.0
    return min(1.0, MARGIN * queued * cpu_ns / queue_ns)


def parts_of(
    measured: Round, case: Case, *, waiting: float = 0.0, copies: int = 1, queued: float | None = None
) -> Parts | None:
    """Partition the core-seconds of one execution; the parts add up to workers x T(p). None without stamps.

    They have ``cpu`` instead of ``inflation``. ``waiting`` is the mean number of threads that wait for the GIL,
    ``copies`` a factor of all parts: T(1) of a case whose workers each do the whole work counts once per worker.
    ``queued`` as in ``behind_others``: a worker that queues behind another one that has what it needs waits for that.
    """
    times = _times_of(measured, case)
    if not times:
        return None
    idle = run_queue = residual = queued_late = 0.0
    others = behind_others(sum(worker.run_queue for worker in times), sum(worker.cpu for worker in times), queued)
    for worker in times:
        free = max(0.0, worker.compute - worker.cpu)
        residual += min(0.0, worker.compute - worker.cpu)
        inside = min(max(0.0, worker.run_queue), free)
        late = min(max(0.0, worker.run_queue - inside), max(0.0, worker.late))
        run_queue += others * inside + late
        queued_late += late
        idle += free - others * inside
    native = case.executor == "native"
    gil_wait = 0.0 if native else min(max(0.0, waiting) * measured.wall_ns, idle)
    steal_ns = measured.steal_ns if measured.net_ns is None else measured.stolen_ns
    stolen = max(0.0, min(max(0, steal_ns or 0) + measured.slowed_ns + measured.awaited_ns, idle - gil_wait))
    rest = idle - stolen - gil_wait
    parts = {
        "gil_wait": gil_wait,
        "run_queue": run_queue,
        "stolen": stolen,
        "dispatch": sum(worker.late + worker.handling for worker in times) - queued_late,
        "imbalance": sum(worker.imbalance for worker in times),
        "blocked": 0.0 if native else rest,
        "omp_idle": rest if native else 0.0,
        "cpu": sum(worker.cpu for worker in times),
        "residual": residual,
    }
    return {name: copies * value / measured.repeats / NS_PER_S for name, value in parts.items()}


def losses_between(parallel: Parts, single: Parts) -> dict[str, float]:
    """Subtract the parts of T(1) from those of T(p); core-seconds per execution."""
    lost = {name: seconds - single[name] for name, seconds in parallel.items()}
    return {name: lost["cpu" if name == "inflation" else name] for name in LOSSES}


@dataclass(slots=True, kw_only=True)
class Account:
    """The losses of one case, per block, as fractions of p * T(p)."""

    # By loss; in every block they add up to 1 - efficiency.
    fractions: dict[str, _Column] = field(default_factory=lambda: {name: {} for name in LOSSES})
    waiting: Estimate | None = None  # mean number of threads that wait for the GIL
    queued: float | None = None  # as in ``behind_others``
    # By how much ``gil_wait`` moves to the ends of ``waiting``.
    gil_wait_ends: dict[int, tuple[float, float]] = field(default_factory=dict)
    # Losses that this case cannot have or whose clocks were not read: zero in ``fractions``.
    unknown: set[str] = field(default_factory=set)
    cpu_ratio: _Column = field(default_factory=dict)  # CPU time of T(p) over that of T(1)
    cpu_weight: _Column = field(default_factory=dict)  # CPU time of T(1): turns differences of cpu_ratio into fractions
    wall_s: _Column = field(default_factory=dict)  # T(p), the length of one execution
    cpu_per_wall: _Column = field(default_factory=dict)  # CPU time of all workers over T(p): CPUs that were busy
    uneven: _Column = field(default_factory=dict)  # p x the largest worker's CPU time - that of all: uneven work
    throttled: _Column = field(default_factory=dict)  # time the cgroup's quota stopped threads
    faults: _Column = field(default_factory=dict)  # minor page faults of one execution, all workers together
    single_faults: _Column = field(default_factory=dict)  # those of T(1)
    fault_share: _Column = field(default_factory=dict)  # went into page faults, at most (``clocks.faulting_ns``)
    single_fault_share: _Column = field(default_factory=dict)  # the same of T(1), as a fraction of it
    fault_growth: _Column = field(default_factory=dict)  # page faults take more than in T(1): a part of ``inflation``
    single_blocked: _Column = field(default_factory=dict)  # share of T(1) in which it neither ran nor was runnable
    # CPUs that T(1) kept busy while it ran, with the threads of the libraries it calls; about 1 without such threads.
    single_cpus: _Column = field(default_factory=dict)

    def add_ends(self, at: int, case: Case, measured: Round, gil_wait_s: float, total_s: float) -> None:
        """Add by how much the GIL's part of a block moves to either end of what is known of the waiting threads."""
        low, high = 0.0, 0.0
        if self.waiting is not None:
            numbers = self.waiting.low, self.waiting.high
            ends = [parts_of(measured, case, waiting=number, queued=self.queued) for number in numbers]
            low, high = ((end["gil_wait"] - gil_wait_s) / total_s if end is not None else 0.0 for end in ends)
        self.gil_wait_ends[at] = low, high

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


def account(
    columns: Columns,
    case: Case,
    role: Role = "case",
    *,
    waiting: Estimate | None = None,
    queued: float | None = None,
) -> Account | None:
    """Account for a case over all blocks that have it and its T(1) with stamps; None where there is none.

    The role ``isolated`` has the T(1) of the case itself. ``waiting`` is the mean number of threads that wait for the
    GIL; None where it was not measured or there is no GIL; ``queued`` as in ``behind_others``, of workers that wait for
    locks. Time linear in the number of stamps.
    """
    singles = columns.rounds_of(case.t1, "spin" if role == "spin" else "case")
    native = case.executor == "native"
    made = Account(
        waiting=waiting,
        queued=queued,
        unknown={"gil_wait", "dispatch", "imbalance", "blocked"} if native else {"omp_idle"},
    )
    if waiting is None:
        made.unknown.add("gil_wait")
    for at, measured in columns.rounds_of(case, role).items():
        alone = singles.get(at)
        parallel = parts_of(measured, case, waiting=waiting.value if waiting is not None else 0.0, queued=queued)
        single = parts_of(alone, case.t1, copies=case.copies) if alone is not None else None
        if alone is None or parallel is None or single is None:
            continue
        total_s = case.workers * measured.wall_ns / measured.repeats / NS_PER_S
        for name, seconds in losses_between(parallel, single).items():
            made.fractions[name][at] = seconds / total_s
        if single["cpu"] > 0:
            made.cpu_ratio[at] = parallel["cpu"] / single["cpu"]
        made.add_ends(at, case, measured, parallel["gil_wait"], total_s)
        made.cpu_weight[at] = single["cpu"] / total_s
        made.wall_s[at] = total_s / case.workers
        slowed_s = measured.slowed_ns / measured.repeats / NS_PER_S
        made.cpu_per_wall[at] = case.workers * (parallel["cpu"] + slowed_s) / total_s
        busiest_s = max(stamp.cpu_ns for stamp in measured.stamps) / measured.repeats / NS_PER_S
        made.uneven[at] = (case.workers * busiest_s - parallel["cpu"]) / total_s
        if measured.throttled_ns is not None:
            made.throttled[at] = measured.throttled_ns / (case.workers * measured.wall_ns)
        made.single_blocked[at] = (single["blocked"] + single["omp_idle"]) / sum(single.values())
        _add_faults(made.faults, made.fault_share, at, measured, case.workers)
        _add_faults(made.single_faults, made.single_fault_share, at, alone, 1)
        if at in made.fault_share and at in made.single_fault_share:
            weight = case.copies * alone.wall_ns / alone.repeats / NS_PER_S / total_s
            made.fault_growth[at] = made.fault_share[at] - made.single_fault_share[at] * weight
        if alone.process_cpu_ns is not None:
            made.single_cpus[at] = (alone.process_cpu_ns - alone.slowed_ns) / (alone.net_ns or alone.wall_ns)
        made.unknown |= _unread(measured) | _unread(alone)
    return made if made.cpu_weight else None


def _add_faults(faults: _Column, shares: _Column, at: int, measured: Round, workers: int) -> None:
    if measured.minor_faults is None or measured.system_ns is None:
        return
    faults[at] = measured.minor_faults / measured.repeats
    shares[at] = faulting_ns(measured.minor_faults, measured.system_ns) / (workers * measured.wall_ns)


def _unread(measured: Round) -> set[str]:
    """Name the parts whose clocks the system did not provide."""
    missing = {"run_queue"} if any(stamp.run_queue_ns is None for stamp in measured.stamps) else set()
    return missing | ({"stolen"} if measured.steal_ns is None else set())
