"""What findings rest on: one class per kind of evidence. None, or an empty text, is what is not known of a case.

Estimates are fractions of p * T(p) unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gilscope.core.cases import Case
from gilscope.stats import Estimate

__all__ = [
    "ContentionSeen",
    "DispatchSeen",
    "Evidence",
    "GilEvidence",
    "ImbalanceSeen",
    "LockSeen",
    "MemorySeen",
    "NestedSeen",
    "NoiseSeen",
    "OverSubscribedSeen",
    "QuotaSeen",
    "ScalesSeen",
    "SmtSeen",
    "StolenSeen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalesSeen:
    """``relative_efficiency`` and ``speedup`` as such; ``basis`` says how they were taken, where not as timed."""

    relative_efficiency: Estimate | None = None
    speedup: Estimate | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSeen:
    """What is too wide, or ``run_queue``: the time lost to other programs."""

    speedup: Estimate | None = None
    relative_efficiency: Estimate | None = None
    run_queue: Estimate | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GilEvidence:
    """What the probe saw, or, where it could not run, the CPU time that speaks for the GIL.

    Parameters
    ----------
    lost, gil_wait : Estimate or None
        All time lost to the GIL; the part spent waiting for it.
    held, overdue : Estimate or None
        Share of the time; share of held time after the holder had been asked to release it.
    waiting, cpu_per_wall : Estimate or None
        Threads; CPUs busy on average.
    turn_s, switch_interval_s : float or None
    handovers_per_s : float or None
    probe : str
        Why there is no probe.
    switched_on : str
        On a free-threaded build: what switched the GIL on.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySeen:
    """``spin`` and ``isolated`` are speed-ups."""

    inflation: Estimate | None = None
    inflation_memory: Estimate | None = None
    memory: Estimate | None = None
    spin: Estimate | None = None
    isolated: Estimate | None = None
    isolated_of: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentionSeen:
    """``isolated`` is a speed-up."""

    inflation: Estimate | None = None
    inflation_software: Estimate | None = None
    isolated: Estimate | None = None
    isolated_of: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImbalanceSeen:
    """Of workers ``imbalance`` and ``uneven``; of a native runtime's threads the others."""

    imbalance: Estimate | None = None
    uneven: Estimate | None = None
    waiting: Estimate | None = None
    omp_idle: Estimate | None = None
    spinning: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSeen:
    """``wall_s``: seconds of one execution; ``chunks`` of one phase of it."""

    dispatch: Estimate | None = None
    wall_s: Estimate | None = None
    chunks: int | None = None
    transport: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedSeen:
    """``versus_limited``: T(p) over that with one thread per worker; ``cpus_per_worker``: CPUs that T(1) keeps busy."""

    versus_limited: Estimate | None = None
    cpus_per_worker: Estimate | None = None
    threads: int | None = None
    usable_cpus: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSubscribedSeen:
    """``limit``: why so many CPUs are usable."""

    run_queue: Estimate | None = None
    usable_cpus: int | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSeen:
    """``quota_cpus``: what the cgroup allows, in CPUs."""

    throttled: Estimate | None = None
    run_queue: Estimate | None = None
    quota_cpus: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtSeen:
    """``spin`` is a speed-up."""

    inflation_machine: Estimate | None = None
    spin: Estimate | None = None
    physical_cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StolenSeen:
    """What the hypervisor took."""

    stolen: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSeen:
    """What workers slept, and waited for the GIL; its held share where nobody could count who waits."""

    blocked: Estimate | None = None
    gil_wait: Estimate | None = None
    held: Estimate | None = None


Evidence: TypeAlias = (
    ScalesSeen
    | NoiseSeen
    | GilEvidence
    | MemorySeen
    | ContentionSeen
    | ImbalanceSeen
    | DispatchSeen
    | NestedSeen
    | OverSubscribedSeen
    | QuotaSeen
    | SmtSeen
    | StolenSeen
    | LockSeen
)
