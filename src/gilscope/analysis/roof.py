"""How far a case is from what the hardware gives to as many threads: the roofline model.

Work with so many operations and bytes takes at least ``max(flops / peak, bytes / bandwidth)`` (Williams, Waterman and
Patterson, CACM 2009). The share of the hardware is that time over the measured one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.core.spec import Work
from gilscope.results.surroundings import HardwareRoof
from gilscope.stats import Estimate

_NO_ROOF = "the result has no bandwidth and peak of the hardware for so many workers"
_IN_CACHES = "its data stay in caches, whose bandwidth is not measured"
_NO_WORK = "neither floating-point operations nor bytes of this work are known"

_BEYOND = 1.2  # times the bandwidth of memory: more than it and the best of a few tries differ


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareShare:
    """What a case gets out of the hardware."""

    share: Estimate  # of the roof
    bound_by: Literal["bandwidth", "arithmetic"]  # what that roof is
    intensity: float | None  # flops per byte; None where no bytes are counted
    flops_per_s: Estimate | None
    bytes_per_s: Estimate | None


def roof_of(roofs: Sequence[HardwareRoof], workers: int) -> HardwareRoof | None:
    """Return the roof of so many threads, if it was measured."""
    return next((roof for roof in roofs if roof.workers == workers), None)


def hardware_share(
    work: Work | None, wall_s: Estimate | None, workers: int, roofs: Sequence[HardwareRoof]
) -> tuple[HardwareShare | None, str]:
    """Return the share, or None and why it is not known; ``wall_s`` is the time of one execution."""
    roof = roof_of(roofs, workers)
    if work is None or not (work.flops or work.bytes):
        return None, _NO_WORK
    if roof is None or wall_s is None:
        return None, _NO_ROOF
    peak = roof.fma_flops_per_s or roof.flops_per_s
    moving_s = work.bytes / roof.bytes_per_s
    computing_s = work.flops / peak if peak else 0.0
    least_s = max(moving_s, computing_s)
    if not least_s:
        return None, roof.reason or _NO_ROOF
    if moving_s >= computing_s and moving_s > _BEYOND * wall_s.value:
        return None, _IN_CACHES
    found = HardwareShare(
        share=_per(least_s, wall_s),
        bound_by="bandwidth" if moving_s >= computing_s else "arithmetic",
        intensity=work.flops / work.bytes if work.bytes else None,
        flops_per_s=_per(work.flops, wall_s) if work.flops else None,
        bytes_per_s=_per(work.bytes, wall_s) if work.bytes else None,
    )
    return found, ""


def _per(amount: float, wall_s: Estimate) -> Estimate:
    """Divide an amount by a time."""
    return replace(wall_s, value=amount / wall_s.value, low=amount / wall_s.high, high=amount / wall_s.low)
