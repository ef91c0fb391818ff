"""What the counts of the GIL probe mean: shares, waiting threads, hand-overs and hold lengths, with their intervals.

Definitions, with w the time a sample stands for, W their sum, and x = 1 where the GIL was held:

held
    sum(w x) / W, the share of the *measured* time during which some thread held the GIL. The interval says how far
    sampling may be off from what really happened in this window, not how another run would turn out.
waiting
    sum(w n) / W, with n the threads that wanted the GIL at that moment: waiting on its condition variable, or asked to
    let go and waiting for the other one to take over. A woken thread counts until it runs; one that lost its CPU on
    the way back to the lock does not: that is run-queue delay, and on crowded CPUs it is a visible share.
hand-overs
    The interpreter's own counter of the GIL going to another thread: exact, not sampled.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gilscope.core import typed
from gilscope.core.errors import MeasurementError
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate, batch_means
from gilscope.telemetry.blame import blame_facts, check_stored
from gilscope.telemetry.latency import Latency
from gilscope.telemetry.stacks import Stacks

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import Snapshot

CONFIDENCE = 0.95
_Z = 1.959964  # normal quantile of CONFIDENCE
_RULE_OF_THREE = 3.0  # an event never seen in n looks is rarer than 3 / n with 95 % (Hanley & Lippman-Hand 1983)
OTHER_THREADS = "other threads"
NO_SAMPLE = "no sample of the GIL was taken: measure longer or at a higher rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class GilThread:
    """One thread's part; shares are of the measured time."""

    name: str  # in ``threading``, or ``thread <native id>`` for threads it does not know
    native_id: int | None  # None for the sum of the threads that were too many to tell apart
    held: Estimate  # share during which this thread held the GIL
    overdue: float  # share during which it kept it although asked to let go (``HoldLengths.overdue``)
    samples: int  # looks that saw it hold the GIL


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLengths:
    """How long the GIL is held at a time: the evidence that tells byte code from C code.

    A thread that has waited for one switch interval asks for the GIL. Byte code answers at its next jump or call, C
    code not before it returns.

    ``median_s``, ``p90_s``, ``longest_s``: length of the hold that a random moment of held time falls into, seen as
    runs of looks at the same holder without a hand-over. Releases too short for the sampling join two holds. None where
    holds are shorter than sampling can tell (two intervals). ``overdue``: share of the time the holder had a CPU, or
    slept with the lock, during which it had been asked to let go and did not. Near zero for byte code;
    1 - switch_interval_s / h for C code that holds it for a longer time h, less on crowded CPUs, where the others are
    late to ask. None where requests cannot be seen.
    """

    turn_s: float | None  # mean time held between two hand-overs: exact, for these are counted; None without any
    median_s: float | None
    p90_s: float | None
    longest_s: float | None
    resolution_s: float  # mean time between looks
    switch_interval_s: float  # ``sys.getswitchinterval()`` of the measured program
    overdue: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The same quantities over time, in bins of equal width; bin i begins i * bin_s after the start.

    Each has shape (n_bins,), with None where no look fell into the bin.
    """

    bin_s: float
    held: tuple[float | None, ...]
    waiting: tuple[float | None, ...]
    handovers_per_s: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GilReading:
    """Everything the probe saw in one window."""

    window_s: float  # measured time
    samples: int
    rate_hz: float  # looks per second, on average
    interval_s: float  # mean time between looks
    held: Estimate
    waiting: Estimate | None  # mean number of threads that wait for the GIL; None: the platform does not tell
    contended: float  # share of the time during which it was held and somebody waited
    handovers: int
    handovers_per_s: float
    threads: tuple[GilThread, ...]  # seen holding it, the largest share first; empty where nothing tells them apart
    unattributed: float  # share of samples of a held GIL whose thread is not known
    holds: HoldLengths
    timeline: Timeline
    cost: float  # CPU time of the sampler over the measured time: a share of one CPU
    busy: float  # how crowded the CPUs were at the end, 0 (one to spare) to 1: the adaptive rate goes by it
    late: float  # share of looks that came later than their slot: the sampler did not get a CPU in time
    realtime: bool = False  # whether the sampler goes before other threads: looks are in time on crowded CPUs too
    # The same means with the interval in which they lie over a long time of the same work, by batch means: what another
    # window may show. None where the window is too short for ten batches, and in files of before.
    held_long_run: Estimate | None = None
    waiting_long_run: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GilReport:
    """What is known about the GIL of a process after it was watched, or why nothing is."""

    available: bool  # whether it was measured
    reason: str = ""  # why not
    enabled: bool = True  # whether the interpreter has a GIL
    free_threaded_build: bool = False  # whether it could run without
    switched_on: str = ""  # on a free-threaded build with the GIL: what switched it on
    waiting_reason: str = ""  # why the waiting threads are not known
    threads_reason: str = ""  # why it is not known who held it
    overdue_reason: str = ""  # why requests in vain are not known
    latency: Latency | None = None  # waits of a thread that wakes up; None unless requested
    reading: GilReading | None = None  # None unless available
    stacks: Stacks | None = None  # of the threads that held it or waited, where lines were asked for
    stacks_reason: str = ""  # why they are not known although they were asked for

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it: the quantities beside the reasons, and left out where there are none."""
        facts = asdict(replace(self, stacks=None))
        quantities = facts.pop("reading")
        del facts["stacks"]
        if not self.stacks_reason:
            del facts["stacks_reason"]
        return {**facts, **(quantities or {}), **blame_facts(self.stacks)}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> GilReport:
        """Read what ``to_dict`` returned; ValueError where a quantity or a line is missing."""
        report = typed.read(cls, facts)
        if report.stacks is not None:
            check_stored(report.stacks)
        return replace(report, reading=typed.read(GilReading, facts)) if report.available else report


def _score(share: float, size: float, n: int) -> Estimate:
    """Return the score interval of a share seen with an effective sample size of ``size``, continuity-corrected.

    Wilson's interval (1927) covers with 95 % on average over shares and sizes, and with less at many of them; the
    corrected one with at least that nearly everywhere (Newcombe, Statistics in Medicine 17 (1998) 857, method 4).
    """
    centre, scale, rest = 2.0 * size * share + _Z * _Z, 2.0 * (size + _Z * _Z), _Z * _Z - 1.0 / size
    low, high = 0.0, 1.0  # where less than half a look was seen, or not seen
    if size * share > 0.5:
        below = rest - 2.0 + 4.0 * share * (size * (1.0 - share) + 1.0)
        low = (centre - 1.0 - _Z * math.sqrt(max(0.0, below))) / scale
    if size * (1.0 - share) > 0.5:
        above = rest + 2.0 + 4.0 * share * (size * (1.0 - share) - 1.0)
        high = (centre + 1.0 + _Z * math.sqrt(max(0.0, above))) / scale
    return Estimate(
        value=share, low=min(max(0.0, low), share), high=max(min(1.0, high), share), confidence=CONFIDENCE, n=n
    )


def _variance(snapshot: Snapshot, differences: float) -> float:
    """Variance of a time-weighted mean, from the squared differences of successive looks.

    Each look is taken at a uniformly random moment of its slot. The error of the mean is the sum of the slots' own
    errors; half the squared difference of neighbours estimates a slot's variance, and overestimates it where the level
    moves (collapsed strata; Cochran, Sampling Techniques (1977), section 5A.12). So runs of equal looks, holds longer
    than the sampling interval, neither widen it wrongly nor are they counted as independent evidence. One unseen
    change is added: a few looks that happen to agree prove little.
    """
    unseen = snapshot["squares"] / snapshot["samples"]
    return 0.5 * (differences + unseen) / snapshot["wall_ns"] ** 2


def _kish_size(snapshot: Snapshot) -> float:
    """Effective number of looks when their weights differ (Kish 1965)."""
    return snapshot["wall_ns"] ** 2 / snapshot["squares"]


def _held(snapshot: Snapshot) -> Estimate:
    share = min(1.0, snapshot["held_ns"] / snapshot["wall_ns"])
    size = _kish_size(snapshot)
    if 0.0 < share < 1.0:
        size = max(1.0, share * (1.0 - share) / _variance(snapshot, snapshot["held_differences"]))
    return _score(share, size, snapshot["samples"])


def _waiting(snapshot: Snapshot) -> Estimate:
    mean = snapshot["waiting_ns"] / snapshot["wall_ns"]
    half = _Z * math.sqrt(_variance(snapshot, snapshot["waiting_differences"]))
    if mean == 0.0:
        half = _RULE_OF_THREE / _kish_size(snapshot)
    return Estimate(
        value=mean, low=max(0.0, mean - half), high=mean + half, confidence=CONFIDENCE, n=snapshot["samples"]
    )


def _long_run(snapshot: Snapshot, of_window: Estimate, column: int, most: float) -> Estimate | None:
    """Widen the interval of this window to that of the long-run mean, from the sums of its timeline."""
    found = batch_means([(row[0], row[column]) for row in snapshot["timeline"]])
    if found is None:
        return None
    value = of_window.value
    reach = found.high - found.value
    low, high = min(of_window.low, value - reach), max(of_window.high, value + reach)
    return replace(found, value=value, low=max(0.0, low), high=min(most, high))


def _quantile_s(snapshot: Snapshot, quantile: float) -> float:
    """Time-weighted quantile of the hold lengths; the middle of a quarter octave."""
    rows = snapshot["holds"]
    sums = list(itertools.accumulate(ns for _, _, ns in rows))
    index = rows[bisect.bisect_left(sums, quantile * sums[-1])][0]
    return 1e-6 * math.pow(2.0, (index + 0.5) / 4.0)


def _holds(snapshot: Snapshot, resolution_s: float, requests: bool) -> HoldLengths:
    held = snapshot["held_ns"]
    runs = sum(count for _, count, _ in snapshot["holds"])
    seen = [_quantile_s(snapshot, q) if runs else 0.0 for q in (0.5, 0.9, 1.0)]
    median, p90, longest = (length if length > 2.0 * resolution_s else None for length in seen)
    running = snapshot["running_ns"]
    share = min(1.0, snapshot["overdue_ns"] / running) if running else 0.0
    size = max(1.0, _kish_size(snapshot) * running / snapshot["wall_ns"])
    return HoldLengths(
        turn_s=held / snapshot["switches"] / NS_PER_S if snapshot["switches"] else None,
        median_s=median,
        p90_s=p90,
        longest_s=longest,
        resolution_s=resolution_s,
        switch_interval_s=snapshot["switch_interval_s"],
        overdue=_score(share, size, round(size)) if requests else None,
    )


def _threads(snapshot: Snapshot, names: Mapping[int, str]) -> tuple[GilThread, ...]:
    size, wall = _kish_size(snapshot), snapshot["wall_ns"]

    def part(name: str, native_id: int | None, samples: int, held_ns: float, overdue_ns: float) -> GilThread:
        held = _score(min(1.0, held_ns / wall), size, snapshot["samples"])
        return GilThread(name=name, native_id=native_id, held=held, overdue=overdue_ns / wall, samples=samples)

    parts = [part(names.get(row[0], f"thread {row[0]}"), *row) for row in snapshot["threads"]]
    if snapshot["other_threads"][0]:
        parts.append(part(OTHER_THREADS, None, *snapshot["other_threads"]))
    return tuple(sorted(parts, key=lambda thread: -thread.held.value))


def _timeline(snapshot: Snapshot, waiting: bool) -> Timeline:
    rows = snapshot["timeline"]
    return Timeline(
        bin_s=snapshot["bin_ns"] / NS_PER_S,
        held=tuple(row[1] / row[0] if row[0] else None for row in rows),
        waiting=tuple(row[2] / row[0] if row[0] and waiting else None for row in rows),
        handovers_per_s=tuple(row[3] / row[0] * NS_PER_S if row[0] else None for row in rows),
    )


def read(snapshot: Snapshot, *, names: Mapping[int, str], waiting: bool, requests: bool) -> GilReading:
    """Turn the counts of the probe, ``_gilprobe.Sampler.snapshot()``, into estimates.

    ``names`` are those of threads by native id; ``waiting`` and ``requests``: whether the number of waiting threads can
    be trusted here, and requests to let go be seen. Raises MeasurementError if there was no look at all.
    """
    samples, window_s = snapshot["samples"], snapshot["wall_ns"] / NS_PER_S
    if not samples:
        raise MeasurementError(NO_SAMPLE)
    held, wanted = _held(snapshot), _waiting(snapshot) if waiting else None
    held_looks = sum(row[1] for row in snapshot["threads"]) + snapshot["other_threads"][0] + snapshot["unattributed"]
    return GilReading(
        window_s=window_s,
        samples=samples,
        rate_hz=samples / window_s,
        interval_s=window_s / samples,
        held=held,
        waiting=wanted,
        contended=snapshot["contended_ns"] / snapshot["wall_ns"],
        handovers=snapshot["switches"],
        handovers_per_s=snapshot["switches"] / window_s,
        threads=_threads(snapshot, names),
        unattributed=snapshot["unattributed"] / held_looks if held_looks else 0.0,
        holds=_holds(snapshot, window_s / samples, requests),
        timeline=_timeline(snapshot, waiting),
        cost=snapshot["cpu_ns"] / snapshot["wall_ns"],
        busy=snapshot["busy"],
        late=snapshot["late"] / samples,
        realtime=snapshot["realtime"],
        held_long_run=_long_run(snapshot, held, 1, 1.0),
        waiting_long_run=_long_run(snapshot, wanted, 2, math.inf) if wanted else None,
    )
