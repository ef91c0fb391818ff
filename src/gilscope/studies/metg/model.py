"""From blocks to METG: the crossing of each curve with its interval, as rows of the study's document."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gilscope.analysis.net import Net
from gilscope.stats import MIN_BLOCKS, Estimate, bootstrap_interval, crossing, estimate_or_none, median_crossing
from gilscope.studies.metg.rows import CurvePoint, MetgDocument, MetgPlan, MetgRow, MetgSample, NetSample, Range
from gilscope.studies.metg.ways import MetgRequest
from gilscope.studies.record import Kind

LEVEL = 0.5
"""Efficiency that counts as effective: the 50 % in METG(50 %)."""

UNREACHABLE = LEVEL / 0.9
"""Efficiency of long tasks below which no executor gets to the level: half of what the machine gives is looked for."""

SPIN, STEP = "spin_efficiency", "step_s"
"""The controls: the efficiency of long tasks on all workers, and the serial seconds per step of the probe."""

_FARTHEST = 4.0  # times the size measured to which a price per task is trusted
_TINY_S, _HUGE_S = 1e-15, 1e9
"""Ends of a crossing that is below or above all that was measured."""


def crossing_s(found: NetSample, *, relative: bool = False) -> Range:
    """Return how long a task must take by itself so that half of the time is work, in one block, in seconds.

    Best guess, least and most. Where the curve is on one side of the level from end to end, the bounds are the last
    size measured and what is beyond all sizes; the best guess is that of the price per task at that size. ``relative``
    asks for half of what long tasks reached in the same block, instead of half of p serial loops.
    """
    octaves = sorted(found.granularity_s)
    sizes_s = [(1 << octave) * found.step_s[0] for octave in octaves]

    def curve(step: int, machine: int, length: int) -> list[float]:
        scale = found.step_s[step] / (found.machine[machine] if relative else 1.0)
        return [(1 << octave) * scale / found.granularity_s[octave][length] for octave in octaves]

    best, worst, finest = curve(0, 0, 0), curve(1, 2, 2), curve(2, 1, 1)
    value, low, high = (crossing(sizes_s, efficiency, LEVEL) for efficiency in (best, finest, worst))
    low = _TINY_S if low == 0 else min(low, sizes_s[-1])
    high = _HUGE_S if math.isinf(high) else max(high, sizes_s[0])
    if value == 0:
        value = sizes_s[0] * max(1.0 / best[0] - 1.0, 1.0 / _FARTHEST)
    elif math.isinf(value):
        value = sizes_s[-1] * min(1.0 / best[-1] - 1.0, _FARTHEST)
    return min(max(value, low), high), low, high


def side(found: NetSample, *, relative: bool = False) -> int:
    """Return where the crossing of a block is: -1 below all its sizes, 1 above them, else 0."""
    value, octaves = crossing_s(found, relative=relative)[0], found.granularity_s.keys()
    if value <= (1 << min(octaves)) * found.step_s[0]:
        return -1
    return int(value >= (1 << max(octaves)) * found.step_s[0])


def _own_time(blocks: Sequence[NetSample], *, relative: bool = False) -> Estimate:
    """Estimate the median of `crossing_s`; 0 or infinite where the median block was certainly on one side of 50 %.

    Blocks that depend on each other make the interval wider (``stats.dependence``).
    """
    found = _net([crossing_s(block, relative=relative) for block in blocks]).estimate()
    sides = estimate_or_none([side(block, relative=relative) for block in blocks])
    assert found is not None
    assert sides is not None
    value = 0.0 if sides.high < 0 else math.inf if sides.low > 0 else found.value
    low = 0.0 if found.low <= _TINY_S else found.low
    return replace(found, value=value, low=low, high=math.inf if found.high >= _HUGE_S else found.high)


def _bootstrapped(blocks: Sequence[NetSample], *, relative: bool = False) -> Estimate:
    """Estimate the crossing of the curve of medians, as earlier versions did whose files are shown.

    Value or ends are 0 where even the smallest task measured is long enough, infinite where none is. The sizes are
    powers of two times the step of the median block. Early blocks may have other octaves than later ones.
    """
    octaves = tuple(blocks[-1].granularity_s)
    sizes_s = [statistics.median(_own_s(blocks, octave)) for octave in octaves]
    curves = [
        [(1 << o) * one.step_s[0] / one.granularity_s[o][0] / (one.machine[0] if relative else 1) for o in octaves]
        for one in blocks
        if one.granularity_s.keys() >= set(octaves)
    ]
    return bootstrap_interval(curves, lambda drawn: median_crossing(sizes_s, drawn, LEVEL), seed=1)


def _own_s(blocks: Sequence[NetSample], octave: int) -> list[float]:
    """Return what tasks of a size take by themselves, in seconds, for each block that had the size."""
    return [(1 << octave) * block.step_s[0] for block in blocks if octave in block.granularity_s]


def measured(row: MetgRow, curve: Sequence[MetgSample], controls: Mapping[str, Estimate | None]) -> MetgRow:
    """Return a row with its figures: net of other programs where every block tells, else as timed."""
    if row.status != "ok" or not curve or not curve[-1].granularity_s:
        return row
    nets = [block.net for block in curve if block.net is not None]
    net = len(nets) == len(curve)
    blocks = nets if net else [block.timed for block in curve]
    every = {octave for block in blocks for octave in block.granularity_s}
    octaves = sorted(every) if row.basis else blocks[-1].granularity_s
    points = tuple(_point(blocks, octave) for octave in octaves)
    own_time = _own_time if row.basis else _bootstrapped
    found, relative = own_time(blocks), own_time(blocks, relative=True)
    row = replace(
        row,
        basis="net of other programs" if net else row.basis,
        empty_task_s=estimate_or_none([block.empty_s for block in curve if block.empty_s is not None]),
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
    reason = _doubt(found) if row.basis else ""
    return replace(row, task_s=_times(found, 1.0), metg_s=_times(found, 1.0 / LEVEL), reason=reason)


def _doubt(found: Estimate) -> str:
    """Say why an interval is open, or has less than 95 % confidence; empty where neither is so."""
    if found.n < MIN_BLOCKS:
        return f"{found.n} of the {MIN_BLOCKS} blocks that 95 % confidence needs fitted into the budget"
    if found.dependent:
        return f"the {found.n} blocks are so alike to those before and after that they count as fewer than {MIN_BLOCKS}"
    if found.low > 0 and math.isfinite(found.high):
        return ""
    ends = [end for end, is_open in (("shorter", found.low <= 0), ("longer", math.isinf(found.high))) if is_open]
    return f"blocks differ so much that it may be {' or '.join(ends)} than all tasks measured"


def _times(found: Estimate, factor: float) -> Estimate:
    """Return a multiple of an own time; an end of 0 is one below the sweep."""
    low = found.low * factor if found.low else -math.inf
    return replace(found, value=found.value * factor, low=low, high=found.high * factor)


def _why_not(last: CurvePoint, machine: Estimate | None) -> str:
    """Return how far the longest tasks got, and whether the machine gives no more."""
    assert last.task_s is not None
    assert last.efficiency is not None
    reached = f"tasks of {last.task_s.value * 1e3:.3g} ms reach {last.efficiency.value:.0%} efficiency"
    if machine is not None and machine.value < UNREACHABLE:
        return f"{reached}; the machine gave the workers {machine.value:.0%} of what it gives one at a time"
    return reached


def _point(blocks: Sequence[NetSample], octave: int) -> CurvePoint:
    some = [block for block in blocks if octave in block.granularity_s]
    step = _net([block.step_s for block in some]).scaled(1 << octave)
    granularity = _net([block.granularity_s[octave] for block in some])
    return CurvePoint(
        steps=1 << octave,
        task_s=estimate_or_none(_own_s(blocks, octave)),
        granularity_s=granularity.estimate(),
        efficiency=step.over(granularity).estimate(),
    )


def _net(found: Sequence[Range]) -> Net:
    value, low, high = (dict(enumerate(column)) for column in zip(*found, strict=True))
    return Net(value=value, low=low, high=high)


METG: Kind[MetgRequest, MetgRow, MetgPlan, MetgSample] = Kind(
    name="metg",
    request=MetgRequest,
    row=MetgRow,
    plan=MetgPlan,
    sample=MetgSample,
    document_type=MetgDocument,
    measured=measured,
)
