"""Net speed-ups: without the time that other programs took, whoever else uses the machine.

Beside other programs two workers on two CPUs get less than two, and every speed-up as timed shrinks: that of code which
scales towards that of code which does not. Rounds know their net length (``Round.net_ns``): a worker that is runnable
without running queues for a CPU; one that waits for the GIL, a lock or its neighbours does not. What is the code's own
doing stays in: more workers than CPUs, a quota, waking up.

Where it is not known what was the code's own doing there are two lengths, the shortest and the longest that the clocks
allow. The interval holds both, so whatever is decided holds for both:

=============================== ===================================== =========================================
rounds of                       at least                              at most
=============================== ===================================== =========================================
workers that share nothing      net                                   net
threads that share a GIL        net, less what its holders queued     the same, and what queued in vain
workers that wait for locks     net, less what their holders queued   as timed, but no more than one after the other
more workers than CPUs          net                                   as timed
workers stopped by a quota      as timed                              as timed
``native``, one stamp for all   as timed, less all queueing           as timed
=============================== ===================================== =========================================

A worker that queues for a CPU while another holds what it needs would have waited anyway, and one that queues while it
holds what others need keeps them waiting: the GIL in at most p times the share that one worker alone holds it, a lock
perhaps always. Where neither T(1), bound to the same CPUs, nor ``spin`` on all of them queues much, those that wait for
locks queue behind each other, which is their own doing. But whoever waits for a lock waits for one that computes:
alone, all take no longer than the CPU time of all, one after the other, and the longest idle time.

Workers that other programs keep from running at the same time do not show what they cost each other: caches and memory
that one after the other uses are not shared. If the CPU time grows by G in overlap o, at least (see ``overlap``), and
the overlap alone is a, it would grow by at most G (a - o) / o more, or by G a / o in all. The longest length has one of
them, whichever is shorter, up to all in turn.

What the hypervisor steals from workers that idle, no clock of theirs tells: see ``_unstolen``.

None of them is less than the CPU time over p, nor than the CPU time under a GIL that all share, and no speed-up is more
than 1 over the share that one worker alone surely holds that GIL (utilisation law: Denning & Buzen, The Operational
Analysis of Queueing Network Models, 1978): blocks that read more are noise.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gilscope.analysis.columns import Columns, PerBlock, Role, averaged, estimated, ratio, times
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.losses import Account, behind_others
from gilscope.core.cases import Case
from gilscope.core.clocks import faulting_ns
from gilscope.core.records import Round
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate

LITTLE = 0.02
"""Share of its time a worker may hold the GIL, or wait for locks, and still count as one that shares nothing: what the
holders queue then shifts a speed-up by less than its interval."""


MUCH = 0.1
"""Share of their time that workers wait for locks from which those that one wakes may be left queueing behind it."""

WAKE_NS = 30_000
"""Queueing of a worker that gave up its CPU of its own accord, on an idle CPU: up to so much is nobody else's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What findings, verdicts and gates go by: case and control, both net or both as timed.

    Parameters
    ----------
    net : bool
        Whether both are net: without what other programs took.
    speedup, relative_efficiency : Estimate or None
        Of the case; the second over the speed-up of the spin control of as many workers.
    control : Estimate or None
        Speed-up of that control.
    taken_out : Estimate or None
        Share of T(p) that other programs took, mean over the blocks.
    idle : Estimate or None
        Share of p times net T(p) in which workers did not compute: no more than that can waiting of any kind cost.
        None where it is not net, or threads are not the workers'.
    """

    net: bool = False
    speedup: Estimate | None = None
    relative_efficiency: Estimate | None = None
    control: Estimate | None = None
    taken_out: Estimate | None = None
    idle: Estimate | None = None

    @property
    def label(self) -> str:
        """How it was taken, where that is not as timed."""
        return "net of other programs" if self.net else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """A quantity per block: the best guess, and the least and the most that it can be."""

    value: PerBlock = field(default_factory=dict)
    low: PerBlock = field(default_factory=dict)
    high: PerBlock = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.value)

    def estimate(self) -> Estimate | None:
        """Estimate the median; the interval holds those of the least and the most."""
        value, low, high = estimated(self.value), estimated(self.low), estimated(self.high)
        if value is None or low is None or high is None:
            return None
        confidence = min(value.confidence, low.confidence, high.confidence)
        return replace(value, low=min(low.low, value.low), high=max(high.high, value.high), confidence=confidence)

    @property
    def lengths(self) -> tuple[PerBlock, PerBlock, PerBlock]:
        """The three columns."""
        return self.value, self.low, self.high

    def over(self, other: Net) -> Net:
        """Divide by another quantity, block by block."""
        low, high = ratio(self.low, other.high), ratio(self.high, other.low)
        return Net(value=ratio(self.value, other.value), low=low, high=high)

    def scaled(self, factor: float) -> Net:
        """Multiply by a constant above zero."""
        return Net(value=times(self.value, factor), low=times(self.low, factor), high=times(self.high, factor))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What decides how much of a case's queueing was other programs' doing."""

    held: float | None = 0.0  # share of its time one worker alone holds a GIL that all need; None: unknown
    surely_held: float = 0.0  # of that known from one worker alone, without what lengthens holds when holders queue
    sampled_held: float = 0.0  # share of T(p) during which the GIL was certainly held; its holders may have queued
    locks: bool = False  # whether workers wait for locks
    queued: float | None = None  # where workers wake each other: as in ``losses.behind_others``
    cpus: int | None = None  # usable; more threads than that queue of their own doing
    threads: float = 1.0  # of each worker: more than one where the libraries it calls bring their own

    def crowds(self, workers: int) -> bool:
        """Whether so many workers queue of their own doing."""
        return self.cpus is not None and workers * self.threads > self.cpus


def held_alone(case: Case, gil: GilActivity, speedup: Estimate | None, alone: float | None = None) -> float | None:
    """Return the share of its time one worker alone holds a GIL that all of them need; None where it is unknown.

    ``alone`` is that share as sampled on one worker: other programs lengthen what it holds and what it does not alike.
    Of engines that are not ours whose workers share a GIL it is not known.
    """
    if gil.shared and gil.enabled is not False:
        return alone
    if not case.one_gil or gil.enabled is False:
        return 0.0
    if alone is not None or gil.held is None or speedup is None:
        return alone
    return min(1.0, gil.held.value / max(1.0, speedup.value))


def waits_for_locks(account: Account | None, share: float = LITTLE) -> bool:
    """Whether workers wait for more than a little, neither for the GIL nor for each other."""
    blocked = averaged(account.fractions["blocked"]) if account is not None else None
    return blocked is not None and blocked.value > share


def net_bounds(measured: Round, case: Case, sharing: Sharing) -> tuple[float, float, float] | None:
    """Return the net length of a round in ns: best guess, least, most; None where a clock of it was not read."""
    wall = float(max(measured.wall_ns - measured.earlier_ns, measured.net_ns or 0))  # as timed, but on steady CPUs
    workers, native = case.workers, case.executor == "native"
    queued = [stamp.run_queue_ns for stamp in measured.stamps]
    known = [value for value in queued if value is not None]
    if not known or len(known) < len(queued) or (measured.net_ns is None and not native):
        return None
    each = 1.0 if native else workers / len(queued)  # files keep quantiles of more than 16 workers
    queue_ns, cpu_ns = each * sum(known), each * sum(stamp.cpu_ns for stamp in measured.stamps)
    others = behind_others(queue_ns, cpu_ns, sharing.queued)
    foreign_ns = others * max(0.0, queue_ns - (measured.switches or 0) * WAKE_NS)
    held = sharing.held if case.one_gil or sharing.held is None else 0.0
    locked_ns = max(sharing.surely_held * cpu_ns, sharing.sampled_held * wall - foreign_ns) if case.one_gil else 0.0
    floor = min(wall, max(cpu_ns / min(workers, sharing.cpus or workers), locked_ns))
    if native:
        steady = float(measured.net_ns or wall)
        return max(steady - queue_ns / workers, floor), max(steady - queue_ns, floor), steady
    net = min(wall, max(float(measured.net_ns or 0) + (1.0 - others) * max(known), floor))
    of_others = foreign_ns * (workers - 1) / workers
    in_turn = cpu_ns + max(wall - stamp.cpu_ns - (stamp.run_queue_ns or 0) for stamp in measured.stamps)
    if (measured.throttled_ns or 0) > LITTLE * workers * wall:
        return wall, wall, wall
    if workers > 1 and sharing.crowds(workers):
        return wall, net, wall
    if workers > 1 and (held is None or held > LITTLE):
        most = net + min(1.0, workers * held) * (wall - net) if held is not None else wall
        alone = held or 0.0
        under_gil = alone * cpu_ns if sharing.surely_held else 0.0  # as sampled on one worker, where it was
        guess = max(net - alone * of_others, min(under_gil, wall), floor)
        share = 1.0 if held is None or sharing.locks else min(1.0, workers * held)
        least = max(net - share * of_others, floor)
        return guess, min(guess, least), max(guess, min(most, max(net, in_turn)))
    return (net, max(net - of_others, floor), min(wall, max(net, in_turn))) if sharing.locks else (net, net, net)


def net_seconds(columns: Columns, case: Case, role: Role = "case", sharing: Sharing | None = None) -> Net:
    """Return the net seconds of one execution per block; empty where a round does not tell."""
    value, low, high = {}, {}, {}
    for at, measured in columns.rounds_of(case, role).items():
        bounds = net_bounds(measured, case, sharing or Sharing())
        if bounds is None:
            return Net()
        value[at], low[at], high[at] = (bound / measured.repeats / NS_PER_S for bound in bounds)
    net, sharing = Net(value=value, low=low, high=high), sharing or Sharing()
    if role in ("case", "isolated") and case.executor != "native" and not sharing.crowds(case.workers):
        net = _unstolen(columns, case, role, net)
    alone = case.workers == 1 or case.executor == "native"
    return net if role != "case" or alone else _overlapping(columns, case, net)


def _unstolen(columns: Columns, case: Case, role: Role, net: Net) -> Net:
    """Shorten what the hypervisor took from workers that also idled, whose clocks do not tell one from the other.

    It took as much of their CPU time as of that of ``spin``, which never gives its CPU up and so knows. As long as so
    many go on at a time as keep their CPUs as busy as T(1) does, they end earlier by what it took of all of them over
    how many these are; or by more, where those that ended last were only stolen from. Not of rounds that a quota
    stopped, whose clocks mix it with that.
    """
    share, rounds = columns.stolen, columns.rounds_of(case, role)
    singles = [_busy(one, 1) for one in columns.rounds_of(case.t1).values() if one.stamps]
    if share <= LITTLE or not singles:
        return net
    alone, value, low = max(statistics.median(singles), LITTLE), dict(net.value), dict(net.low)
    for at in net.value:
        measured, p = rounds[at], case.workers
        if (measured.throttled_ns or 0) > LITTLE * p * measured.wall_ns:
            continue
        each_ns = statistics.fmean(stamp.cpu_ns for stamp in measured.stamps)
        missing_ns = max(0.0, share * p * each_ns - (measured.stolen_ns or 0))
        earlier_ns = missing_ns / max(1.0, min(p, _busy(measured, p) / alone))
        ends = [stamp.end_ns for stamp in measured.stamps]
        uneven_ns = min(missing_ns, max(ends) - statistics.fmean(ends))
        once = measured.repeats * NS_PER_S
        value[at] = max(min(value[at], each_ns / once), value[at] - earlier_ns / once)
        low[at] = max(min(low[at], each_ns / once), low[at] - (earlier_ns + uneven_ns) / once)
    return replace(net, value=value, low=low)


def _busy(measured: Round, workers: int) -> float:
    """Return how many CPUs the workers kept busy."""
    return workers * statistics.fmean(stamp.cpu_ns for stamp in measured.stamps) / max(1, measured.wall_ns)


def overlap(busy: float, workers: int) -> float:
    """Return the least share of the other workers that run while one of them runs, if so many run on average.

    The mean of n (n - 1) over the time is least where n, a whole number, stays next to its mean ``busy``.
    """
    whole = math.floor(busy)
    pairs = whole * (whole - 1) + 2.0 * (busy - whole) * whole
    return min(1.0, pairs / (busy * (workers - 1))) if busy > 0 else 0.0


def _overlapping(columns: Columns, case: Case, net: Net) -> Net:
    """Lengthen what the workers' CPU time would have grown, had other programs not kept them from running together."""
    rounds, singles = columns.rounds_of(case), columns.rounds_of(case.t1)
    grown, seen, alone = {}, {}, {}
    for at in net.value.keys() & singles.keys():
        cpu_s, once_s = _computing_s(rounds[at], case.workers), _computing_s(singles[at], 1) * case.copies
        if cpu_s <= 0 or once_s <= 0:
            return net
        grown[at] = cpu_s / once_s - 1.0
        running_ns = cpu_s * NS_PER_S * rounds[at].repeats + rounds[at].slowed_ns
        seen[at] = overlap(running_ns / rounds[at].wall_ns, case.workers)
        alone[at] = overlap(cpu_s / net.value[at], case.workers)
    together, wanted = math.fsum(seen.values()), math.fsum(alone.values())
    if together >= (1.0 - LITTLE) * wanted:
        return net
    full = _full_growth(grown, seen) if together > 0 else (0.0, math.inf)
    shares = {at: (max(0.0, growth), seen[at], alone[at]) for at, growth in grown.items()}

    def lengthened(by: Callable[[float, tuple[float, float, float]], float]) -> Net:
        value, high = dict(net.value), dict(net.high)
        for at, share in shares.items():
            timed_s = (rounds[at].wall_ns - rounds[at].earlier_ns) / rounds[at].repeats / NS_PER_S
            in_turn = min(max(net.value[at], timed_s), max(net.value[at], _computing_s(rounds[at], case.workers)))
            guess, most = (by(one, share) for one in full)
            value[at] = max(net.low[at], min(in_turn, net.value[at] * guess))
            high[at] = max(net.high[at], value[at], min(in_turn, net.value[at] * most))
        return Net(value=value, low=net.low, high=high)

    return min(lengthened(_in_place), lengthened(_in_addition), key=_longest)


def _in_place(full: float, share: tuple[float, float, float]) -> float:
    """Return the factor that has the growth in full overlap in place of that of the block, which scatters."""
    growth, _, alone = share
    return max(1.0, (1.0 + full * alone) / (1.0 + growth))


def _in_addition(full: float, share: tuple[float, float, float]) -> float:
    """Return the factor that adds the growth of the overlap that is missing: better where little is."""
    growth, seen, alone = share
    return 1.0 + full * (alone - seen) / (1.0 + growth) if alone > seen else 1.0


def _longest(net: Net) -> float:
    found = estimated(net.high)
    return found.high if found is not None else math.inf


def _full_growth(grown: PerBlock, seen: PerBlock) -> tuple[float, float]:
    """Return the growth in full overlap that is certain, and the most: a ratio of means -+ two standard errors."""
    together = math.fsum(seen.values())
    full = math.fsum(grown.values()) / together
    error = math.sqrt(math.fsum((growth - full * seen[at]) ** 2 for at, growth in grown.items())) / together
    return max(0.0, full - 2.0 * error), max(0.0, full + 2.0 * error)


def _computing_s(measured: Round, workers: int) -> float:
    """Return the CPU seconds of one execution, all workers together, without page faults, which cost no less alone."""
    if not measured.stamps:
        return 0.0
    each = workers / len(measured.stamps)  # files keep quantiles of more than 16 workers
    faulting = faulting_ns(measured.minor_faults or 0, measured.system_ns or 0)
    return (each * sum(stamp.cpu_ns for stamp in measured.stamps) - faulting) / measured.repeats / NS_PER_S


def net_speedup(columns: Columns, case: Case, role: Role = "case", sharing: Sharing | None = None) -> Net:
    """Return T(1) / T(p) without what other programs took, times the copies of the work; empty where unknown."""
    single = net_seconds(columns, case.t1, "case" if role == "isolated" else role)
    return single.over(net_seconds(columns, case, role, sharing)).scaled(case.copies)


def basis(columns: Columns, case: Case, spin: Case | None, timed: Basis, sharing: Sharing) -> Basis:
    """Return what a case is judged by: net where its own rounds and those of its control are, else ``timed``."""
    own = _under_gil(net_speedup(columns, case, sharing=sharing), case, sharing)
    control = Net()
    if spin is not None:
        control = net_speedup(columns, spin, "spin", Sharing(cpus=sharing.cpus))
    if not own or (spin is not None and not control):
        return timed
    seconds, wall = net_seconds(columns, case, sharing=sharing), columns.of(case)
    return Basis(
        net=True,
        speedup=own.estimate(),
        relative_efficiency=own.over(control).estimate() if case.workers > 1 else own.estimate(),
        control=control.estimate(),
        taken_out=averaged({at: max(0.0, 1.0 - value / wall[at]) for at, value in seconds.value.items()}),
        idle=None if case.executor == "native" else _idle(columns, case, seconds),
    )


def _under_gil(own: Net, case: Case, sharing: Sharing) -> Net:
    """Cap a speed-up by what the share that one worker surely holds the GIL allows: what is above scatters.

    Not where the whole interval is above: then T(1) suffers from something else.
    """
    found = own.estimate()
    if found is None or not case.one_gil or sharing.surely_held <= 0 or found.low > 1.0 / sharing.surely_held:
        return own
    value, low, high = ({at: min(1.0 / sharing.surely_held, s) for at, s in one.items()} for one in own.lengths)
    return Net(value=value, low=low, high=high)


def _idle(columns: Columns, case: Case, seconds: Net) -> Estimate | None:
    cpu_s = {
        at: sum(stamp.cpu_ns for stamp in measured.stamps) / len(measured.stamps) / measured.repeats / NS_PER_S
        for at, measured in columns.rounds_of(case).items()
    }
    shares = ({at: 1.0 - cpu_s[at] / value for at, value in length.items()} for length in seconds.lengths)
    return Net(**dict(zip(("value", "low", "high"), shares, strict=True))).estimate()
