"""From blocks to METG: the crossing of each curve with its interval, as rows of the study's document."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gilscope.stats import Estimate, bootstrap_interval, estimate_or_none, median_crossing
from gilscope.studies.metg.rows import CurvePoint, MetgDocument, MetgPlan, MetgRow, MetgSample
from gilscope.studies.metg.ways import MetgRequest
from gilscope.studies.record import Kind

LEVEL = 0.5
"""Efficiency that counts as effective: the 50 % in METG(50 %)."""

SPIN, STEP = "spin_efficiency", "step_s"
"""The controls: the efficiency of long tasks on all workers, and the serial seconds per step of the probe."""


def _own_time(curve: Sequence[MetgSample], *, relative: bool = False) -> Estimate:
    """Estimate how long a task must take by itself so that half of the time is work, in seconds.

    Value or ends are 0 where even the smallest task measured is long enough, infinite where none is. A task's own time
    is efficiency x granularity, both of the same block, so it is measured with the block's own serial rate. The sizes
    are powers of two times the step of the median block. Early blocks may have other octaves than later ones.
    ``relative`` asks for half of what long tasks reached in the same block, instead of half of p serial loops.
    """
    octaves = tuple(curve[-1].granularity_s)
    sizes_s = [statistics.median(_own_s(curve, octave)) for octave in octaves]
    blocks = [
        [block.efficiency[octave] / (block.machine if relative else 1.0) for octave in octaves]
        for block in curve
        if block.granularity_s.keys() >= set(octaves)
    ]
    return bootstrap_interval(blocks, lambda drawn: median_crossing(sizes_s, drawn, LEVEL), seed=1)


def _own_s(curve: Sequence[MetgSample], octave: int) -> list[float]:
    """Return what tasks of a size take by themselves, in seconds, for each block that had the size."""
    return [(1 << octave) * block.step_s for block in curve if octave in block.granularity_s]


def _measured(row: MetgRow, curve: Sequence[MetgSample], controls: Mapping[str, Estimate | None]) -> MetgRow:
    """Return a row with its figures."""
    if row.status != "ok" or not curve or not curve[-1].granularity_s:
        return row
    points = tuple(_point(curve, octave) for octave in curve[-1].granularity_s)
    found, relative = _own_time(curve), _own_time(curve, relative=True)
    row = replace(
        row,
        empty_task_s=estimate_or_none([block.empty_s for block in curve]),
        curve=points,
        relative_metg_s=_times(relative, 1.0 / LEVEL) if 0 < relative.value < math.inf else None,
    )
    if found.value == 0:
        smallest = points[0].task_s
        assert smallest is not None
        reason = f"even the smallest tasks measured, of {smallest.value * 1e9:.0f} ns, have {LEVEL:.0%} efficiency"
        return replace(row, status="below_sweep", reason=reason)
    if math.isinf(found.value):
        return replace(row, status="not_reached", reason=_why_not(points[-1], controls.get(SPIN)))
    return replace(row, task_s=_times(found, 1.0), metg_s=_times(found, 1.0 / LEVEL))


def _times(found: Estimate, factor: float) -> Estimate:
    """Return a multiple of an own time; an end of 0 is one below the sweep."""
    low = found.low * factor if found.low else -math.inf
    return replace(found, value=found.value * factor, low=low, high=found.high * factor)


def _why_not(last: CurvePoint, machine: Estimate | None) -> str:
    """Return how far the longest tasks got, and whether the machine gives no more."""
    assert last.task_s is not None
    assert last.efficiency is not None
    reached = f"tasks of {last.task_s.value * 1e3:.3g} ms reach {last.efficiency.value:.0%} efficiency"
    if machine is not None and machine.value < LEVEL / 0.9:
        return f"{reached}; the machine gave the workers {machine.value:.0%} of what it gives one at a time"
    return reached


def _point(curve: Sequence[MetgSample], octave: int) -> CurvePoint:
    some = [block for block in curve if octave in block.granularity_s]
    return CurvePoint(
        steps=1 << octave,
        task_s=estimate_or_none(_own_s(curve, octave)),
        granularity_s=estimate_or_none([block.granularity_s[octave] for block in some]),
        efficiency=estimate_or_none([block.efficiency[octave] for block in some]),
    )


METG: Kind[MetgRequest, MetgRow, MetgPlan, MetgSample] = Kind(
    name="metg",
    request=MetgRequest,
    row=MetgRow,
    plan=MetgPlan,
    sample=MetgSample,
    document_type=MetgDocument,
    measured=_measured,
)
