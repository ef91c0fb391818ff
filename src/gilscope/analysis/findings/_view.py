"""What a finding may examine, what it returns, and the thresholds that several findings share."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeGuard

from gilscope.analysis.ceilings import Ceiling
from gilscope.analysis.columns import PerBlock, averaged
from gilscope.analysis.estimates import CaseEstimates
from gilscope.analysis.evidence import Evidence
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.losses import Account
from gilscope.analysis.net import Basis
from gilscope.core.cases import Case
from gilscope.stats import Estimate, trend

SCALES_FROM = 0.9
"""Relative efficiency from which a case scales: below it, p workers do less than 0.9 p would on this machine."""

SURELY_LESS = 0.95
"""Share of a limit below which the whole interval must lie, for a case to reach less than that."""

CERTAIN, SUPERLINEAR = 1.02, 1.1
"""Speed-up over p above which the whole interval must lie, as rounds scatter by 2 per cent, and from which the value
alone tells: an interval that reaches down to p is no excuse, unless T(1) is slow at times."""

ENOUGH = 0.75
"""Confidence an interval needs for a finding: that of three blocks, all of which then show it. Below 0.95 (six
blocks) a finding is provisional; reports say so."""

SWINGS, SOME_BLOCKS = 1.25, 6
"""Factor between blocks in the CPU time of one worker that is worth a word, and from how many blocks it can be told."""

GROWS = 0.4
"""Rank correlation of that CPU time with its order from which it may be growing, and not slow at times."""

WORTH = 0.05
"""Smallest loss, as a fraction of p * T(p), that gets a name: rounds of a quiet machine scatter by 2 to 3 per cent, and
nobody would notice the fix of less."""

WAITING = ("run_queue", "dispatch", "imbalance")
"""What a shortage of CPUs does to workers: they queue for one, wake up late, and are waited for."""

WAITS = ("gil_wait", "dispatch", "imbalance", "blocked")
"""What workers lose to the code and not to the machine."""

HAND_OVER_S = 50e-6
"""The most CPU time that the GIL's changing hands costs: two system calls and refilled caches."""

OWN_THREADS = 1.25
"""CPUs that T(1) must certainly keep busy to be more than one thread: the rest of its process hands out work and waits,
which is a few per cent of a CPU at most."""

SEVERE, MODERATE = 0.25, 0.10
"""Shares lost from which a finding is of high or medium severity: a quarter of all core-seconds, and a tenth, which is
what separates a case that scales from one that does not."""

Severity: TypeAlias = Literal["info", "low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A named cause; ``share`` is the fraction of p * T(p) it accounts for, 0 where it is not a loss."""

    code: str
    evidence: Evidence
    share: float = 0.0

    @property
    def severity(self) -> Severity:
        """How much it costs."""
        if self.share <= 0.0:
            return "info"
        return "high" if self.share >= SEVERE else "medium" if self.share >= MODERATE else "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """Everything known about one parallel case.

    ``account`` and ``control_account``, that of the spin control, are None without stamps. ``versus_limited``: where
    the workers' libraries use threads of their own, T(p) over that of the twin with one thread per worker. ``cpus`` is
    ``environment.cpus`` of the result, ``examined`` the entry of ``environment.functions``. ``single_over_spin``: the
    CPU time of T(1) over that of the control.
    """

    case: Case
    status: str
    figures: CaseEstimates
    basis: Basis
    gil: GilActivity
    ceiling: Ceiling
    account: Account | None
    control_account: Account | None = None
    versus_limited: Estimate | None = None
    single_over_spin: PerBlock = field(default_factory=dict)
    cpus: Mapping[str, Any] = field(default_factory=dict)
    examined: Mapping[str, Any] = field(default_factory=dict)

    @property
    def decidable(self) -> bool:
        """Whether the speed-up that decisions go by is known well enough."""
        return self.status == "ok"

    @property
    def falls_short(self) -> bool:
        """Whether it certainly reaches less than it should of what the machine gave."""
        return self.decidable and below(self.basis.relative_efficiency, SCALES_FROM)

    @property
    def below_ideal(self) -> bool:
        """Whether it certainly reaches less than it should of p, including what the machine did not give."""
        return self.decidable and below(self.basis.speedup, SCALES_FROM * self.case.workers)

    @property
    def near_ideal(self) -> bool:
        """Whether it certainly reaches what it should of p, and so of any machine."""
        return self.decidable and above(self.basis.speedup, SCALES_FROM * self.case.workers)

    @property
    def superlinear(self) -> bool:
        """Whether p workers do certainly more than p times what one does, or seem to by far."""
        found, p = self.basis.speedup, self.case.workers
        if found is None or p == 1 or not (self.decidable and trusted(found)):
            return False
        if self.slow_at_times:  # which is no reason why workers should be faster
            return found.low > SUPERLINEAR * p
        return found.low > CERTAIN * p or found.value > SUPERLINEAR * p

    @property
    def swing(self) -> float | None:
        """Factor between the CPU times of T(1), over the control's: its ninth decile over its first; None if small."""
        series = sorted(self.single_over_spin.values())
        if len(series) < SOME_BLOCKS:
            return None
        tenth = len(series) // 10
        factor = series[-1 - tenth] / series[tenth] if series[tenth] else 1.0
        return factor if factor >= SWINGS else None

    @property
    def slow_at_times(self) -> bool:
        """Whether T(1) may be: its CPU time varies, or other programs compute, and it does not change with calls."""
        series = [self.single_over_spin[at] for at in sorted(self.single_over_spin)]
        varies = self.swing is not None or above(self.basis.taken_out, WORTH)
        return varies and abs(trend(series)) < GROWS

    @property
    def over_subscribed(self) -> bool:
        """Whether there are more workers than usable CPUs."""
        count = self.cpus.get("count")
        return isinstance(count, int) and self.case.workers > count

    @property
    def cpus_per_worker(self) -> Estimate | None:
        """CPUs that one worker alone keeps busy, where its libraries bring threads of their own; else None."""
        if self.account is None or self.case.executor == "native":
            return None
        busy = averaged(self.account.single_cpus)
        return busy if above(busy, OWN_THREADS) else None

    @property
    def nested(self) -> bool:
        """Whether the workers' libraries use threads of their own, whose time is in no worker's clocks."""
        return self.versus_limited is not None or self.cpus_per_worker is not None

    @property
    def held_back(self) -> bool:
        """Whether it certainly loses something worth a name, whatever the machine gave.

        A tenth of its core-seconds that it certainly loses will do, if it is not certain that it reaches its limit.
        A control that saturates a shared core is no excuse for workers that sleep, or need more CPU time than on
        private copies: beyond what its own workers lost the same way, such losses count against p.
        """
        grown = (self.ceiling.inflation_memory, self.ceiling.inflation_software)
        costs = (self.own_loss, *(self.without_faults(part) for part in grown if self.case.executor != "native"))
        short = self.decidable and not self.near_ideal and below(self.basis.speedup, SURELY_LESS * self.case.workers)
        return self.falls_short or (short and any(above(cost, MODERATE) for cost in costs))

    @property
    def own_loss(self) -> Estimate | None:
        """Share lost to waiting for the GIL, locks, messages and each other, each beyond the control's."""
        if self.account is None or not self.idles:
            return None
        own, beyond = self.account, dict.fromkeys(self.account.cpu_weight, 0.0)
        for name in WAITS:
            of_control = self._waited_by_control(name)
            for at in beyond:
                beyond[at] += max(0.0, own.fractions[name][at] - max(0.0, of_control.get(at, 0.0)))
        return averaged(beyond)

    def _waited_by_control(self, name: str) -> PerBlock:
        """Return a loss of the control as a share of T(p).

        A barrier takes seconds and not a share, and executions of the control on many workers are short: its late
        starts, and waiting for them that neither uneven CPU time nor queueing explains, count by their length. Where
        cores are shared, or no clock tells queueing, all of it may be the machine's.
        """
        own, control = self.account, self.control_account
        if own is None or control is None:
            return {}
        shared = not below(averaged(self.ceiling.inflation_machine), WORTH)
        if name not in ("dispatch", "imbalance") or shared or "run_queue" in control.unknown or self.over_subscribed:
            return control.fractions[name]
        found = {}
        delays = control.lost_by_block("run_queue", "stolen")
        for at, waited in control.fractions[name].items():
            length = min(1.0, control.wall_s[at] / own.wall_s[at]) if at in own.wall_s else 1.0
            by_machine = max(0.0, control.uneven[at]) + (self.case.workers - 1) * max(0.0, delays[at])
            kept = min(max(0.0, waited), by_machine) if name == "imbalance" else 0.0
            found[at] = kept + (waited - kept) * length
        return found

    def without_faults(self, grown: PerBlock) -> Estimate | None:
        """Estimate a part of the inflation without that of page faults, which have a finding of their own.

        It is a difference from short rounds, which slow moments meet as a whole or not at all, so that the medians of
        both differ: its interval holds two standard errors of the mean as well.
        """
        faults = self.account.fault_growth if self.account is not None else {}
        beyond = {at: value - max(0.0, faults.get(at, 0.0)) for at, value in grown.items()}
        found = averaged(beyond)
        if found is None or len(beyond) < SOME_BLOCKS:
            return found
        error = 2.0 * statistics.stdev(beyond.values()) / math.sqrt(len(beyond))
        return replace(found, low=min(found.low, found.value - error), high=max(found.high, found.value + error))

    @property
    def growth(self) -> float:
        """CPU time of T(p) over that of T(1), beyond the control's and what hand-overs of the GIL may cost; at least 1.

        Where it is 1, any growth may be a consequence of waiting.
        """
        own, control = self.account, self.control_account
        found, machine = averaged(own.cpu_ratio) if own else None, averaged(control.cpu_ratio) if control else None
        busy = averaged(own.cpu_per_wall) if own else None
        if found is None or busy is None or busy.value <= 0 or self.case.executor == "native":
            return 1.0
        by_hand_overs = (self.gil.handovers_per_s or 0.0) * HAND_OVER_S / busy.value * found.value
        grown = (found.value - by_hand_overs) / max(1.0, machine.value if machine is not None else 1.0)
        return grown if grown > 1.0 + WORTH else 1.0

    def with_waits(self, grown: Estimate) -> float:
        """Return the share that goes away with a part of the CPU time: itself, and the waiting for it.

        Who waits for the GIL, a lock or the last worker waits for CPU time of others: both grow by the same factor.
        """
        busy = averaged(self.account.cpu_per_wall) if self.account is not None else None
        waited = self.account.lost("gil_wait", "blocked", "imbalance") if self.account is not None else None
        if busy is None or waited is None or busy.value <= 0 or self.growth == 1.0:
            return grown.value
        return min(1.0, grown.value * (1.0 + max(0.0, waited.value) * self.case.workers / busy.value))

    @property
    def without_waits(self) -> float:
        """The most that goes away with waiting for the GIL and locks; 0 where that is not worth a name.

        Without them the speed-up is the number of workers or CPUs, over the growth of CPU time. Where one worker has
        most of the work, waiting for it remains, unless the executor hands tasks to whoever is free.
        """
        speedup, own, count = self.basis.speedup, self.account, self.cpus.get("count")
        if speedup is None or own is None:
            return 1.0
        reached = speedup.value * self.growth / min(self.case.workers, count if isinstance(count, int) else math.inf)
        busy, uneven, busiest = averaged(own.cpu_per_wall), self.uneven, 1.0
        if busy is not None and above(uneven, WORTH) and not self.case.by_tasks and busy.value > 0:
            busiest += uneven.value * self.case.workers / busy.value
        return 1.0 - reached if reached * busiest < 1.0 - WORTH else 0.0

    @property
    def uneven(self) -> Estimate | None:
        """The cost of uneven CPU time beyond that of the control, whose workers may share cores unevenly too.

        Workers that wait for the GIL or a lock leave the other thread of their core alone, which makes CPU time uneven
        by up to what sharing cores costs.
        """
        if self.account is None:
            return None
        beyond = self.beyond_control(self.account.uneven, "uneven")
        if above(self.account.lost("gil_wait", "blocked"), WORTH):
            shared = self.ceiling.inflation_machine
            beyond = {at: value - max(0.0, shared.get(at, 0.0)) for at, value in beyond.items()}
        return averaged(beyond)

    def beyond_control(self, own: PerBlock, name: str) -> PerBlock:
        """Return a column of the account, or a loss, less that of the control."""
        control = self.control_account
        of_machine = {} if control is None else control.uneven if name == "uneven" else control.fractions[name]
        return {at: value - max(0.0, of_machine.get(at, 0.0)) for at, value in own.items()}

    @property
    def idles(self) -> bool:
        """Whether workers may have waited for anything worth naming but for CPUs that other programs had."""
        return self.basis.idle is None or above(self.basis.idle, WORTH)

    def lost(self, *names: str) -> Estimate | None:
        """Estimate the sum of some losses; None where one of them is unknown."""
        if self.account is None or self.account.unknown.intersection(names):
            return None
        return self.account.lost(*names)


def trusted(estimate: Estimate | None) -> TypeGuard[Estimate]:
    """Whether an estimate has the confidence a finding needs."""
    return estimate is not None and estimate.confidence >= ENOUGH


def above(estimate: Estimate | None, limit: float) -> TypeGuard[Estimate]:
    """Whether the whole interval is above a limit; of blocks that depend on each other by as much as they range."""
    return estimate is not None and estimate.low - _room(estimate) > limit


def below(estimate: Estimate | None, limit: float) -> TypeGuard[Estimate]:
    """Whether the whole interval is below a limit; of blocks that depend on each other by as much as they range."""
    return estimate is not None and estimate.high + _room(estimate) < limit


def _room(estimate: Estimate) -> float:
    return 0.0 if trusted(estimate) else estimate.high - estimate.low if estimate.dependent else math.inf


def beyond_cpus(view: CaseView, cpus: float) -> float:
    """Return the share lost to having ``cpus`` for p workers: what was spent waiting, at most 1 - cpus / p."""
    waiting = view.account.lost(*WAITING) if view.account is not None else None
    return min(max(0.0, 1.0 - cpus / view.case.workers), waiting.value) if waiting is not None else 0.0


def kept_below(view: CaseView, cpus: float, stopped: float = 0.0) -> bool:
    """Whether workers wait for the parent so long that on average at most ``cpus`` of them compute at a time.

    Then it is not for want of CPUs that they take longer, even if they meet at times. Who was handed work first waits
    at the end, for whoever was last. ``stopped`` is the share of their time in which a quota may have made them wait.
    """
    dispatch, waiting, own = view.lost("dispatch"), view.lost("imbalance"), view.uneven
    if dispatch is None or waiting is None:
        return False
    behind = max(0.0, waiting.value - (max(0.0, own.value) if own is not None else 0.0))
    return view.case.workers * (1.0 - dispatch.low - min(behind, dispatch.low) + stopped) <= cpus
