"""What findings rest on, a class for each kind. None and an empty text mean unknown.

Estimates are fractions of p * T(p) unless stated otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from gilscope.analysis.blame import Culprit
from gilscope.core.cases import Case
from gilscope.stats import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a finding rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalesEvidence(Evidence):
    """``basis``: how ``relative_efficiency`` and ``speedup``, which are not losses, were taken, if not as timed."""

    relative_efficiency: Estimate | None = None
    speedup: Estimate | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartlyEvidence(ScalesEvidence):
    """``largest``: the name of the largest loss; ``lost``: how large it is."""

    largest: str = ""
    lost: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperlinearEvidence(Evidence):
    """``speedup`` is no loss; ``cpu_ratio``: CPU time of T(p) over that of T(1); page faults of one execution each."""

    speedup: Estimate | None = None
    cpu_ratio: Estimate | None = None
    faults: Estimate | None = None
    single_faults: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatEvidence(Evidence):
    """``changed``: a call at the end over one at the beginning; of the examined function ``fresh`` and ``growth``."""

    changed: float | None = None
    fresh: float | None = None
    growth: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortEvidence(Evidence):
    """Seconds per call, and per call of a function that does nothing."""

    call_s: float
    empty_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvidence(Evidence):
    """Page faults of one execution, all workers together and in T(1), and the share of the core-seconds of each."""

    faults: Estimate | None = None
    single_faults: Estimate | None = None
    fault_share: Estimate | None = None
    single_fault_share: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InflationEvidence(Evidence):
    """``cpu_ratio``: CPU time of T(p) over that of T(1)."""

    inflation: Estimate | None = None
    cpu_ratio: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseEvidence(Evidence):
    """What is too wide, or ``run_queue``: the time lost to other programs.

    ``swing``: by what factor the CPU time of one worker alone varies, where that is more than noise of the clocks.
    """

    speedup: Estimate | None = None
    relative_efficiency: Estimate | None = None
    run_queue: Estimate | None = None
    basis: str = ""
    swing: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GilEvidence(Evidence):
    """What the probe sampled or, without a probe, the CPU times that point to the GIL.

    ``lost``: all time lost to the GIL; ``gil_wait``: the part spent waiting for it. ``held``: share of the time;
    ``overdue``: share of held time after a release was requested. ``waiting``: threads; ``cpu_per_wall``: busy CPUs.
    ``probe``: why there is no probe. ``switched_on``: what enabled the GIL of a free-threaded build. ``culprit``: the
    line or function that most of the waiting is for.
    """

    lost: Estimate | None = None
    gil_wait: Estimate | None = None
    held: Estimate | None = None
    waiting: Estimate | None = None
    overdue: Estimate | None = None
    turn_s: float | None = None
    switch_interval_s: float | None = None
    handovers_per_s: float | None = None
    cpu_per_wall: Estimate | None = None
    run_queue: Estimate | None = None
    probe: str = ""
    switched_on: str = ""
    culprit: Culprit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEvidence(Evidence):
    """``spin`` and ``isolated`` are speed-ups."""

    inflation: Estimate | None = None
    inflation_memory: Estimate | None = None
    memory: Estimate | None = None
    spin: Estimate | None = None
    isolated: Estimate | None = None
    isolated_of: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentionEvidence(Evidence):
    """``isolated`` is a speed-up."""

    inflation: Estimate | None = None
    inflation_software: Estimate | None = None
    isolated: Estimate | None = None
    isolated_of: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImbalanceEvidence(Evidence):
    """Of workers ``imbalance`` and ``uneven``; of a native runtime's threads the others."""

    imbalance: Estimate | None = None
    uneven: Estimate | None = None
    waiting: Estimate | None = None
    omp_idle: Estimate | None = None
    spinning: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchEvidence(Evidence):
    """``wall_s``: seconds of one execution; ``chunks`` of one phase of it."""

    dispatch: Estimate | None = None
    wall_s: Estimate | None = None
    chunks: int | None = None
    transport: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedEvidence(Evidence):
    """``versus_limited``: T(p) over that with one thread per worker; ``cpus_per_worker``: CPUs that T(1) keeps busy."""

    versus_limited: Estimate | None = None
    cpus_per_worker: Estimate | None = None
    threads: int | None = None
    usable_cpus: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSubscribedEvidence(Evidence):
    """``limit``: why so many CPUs are usable."""

    run_queue: Estimate | None = None
    usable_cpus: int | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaEvidence(Evidence):
    """``quota_cpus``: what the cgroup allows, in CPUs."""

    throttled: Estimate | None = None
    run_queue: Estimate | None = None
    quota_cpus: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtEvidence(Evidence):
    """``spin`` is a speed-up."""

    inflation_machine: Estimate | None = None
    spin: Estimate | None = None
    physical_cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StolenEvidence(Evidence):
    """What the hypervisor took."""

    stolen: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEvidence(Evidence):
    """What workers slept, and waited for the GIL; its held share where nobody could count who waits."""

    blocked: Estimate | None = None
    gil_wait: Estimate | None = None
    held: Estimate | None = None
