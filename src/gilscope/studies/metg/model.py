"""From rounds to METG: the crossing of each curve with its interval, as rows of the study's document."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from gilscope.stats import Estimate, bootstrap_interval, median_crossing
from gilscope.studies.document import document, estimate_fields, medians
from gilscope.studies.metg.sweep import LEVEL, Curve, Sweep
from gilscope.studies.metg.ways import PATTERNS, Request, Way

__all__ = ["metg_document", "own_time"]


def own_time(curve: Curve, *, relative: bool = False, seed: int = 1) -> Estimate:
    """Estimate how long a task must take by itself so that half of the time is work.

    Parameters
    ----------
    curve : Curve
        With one block at least.
    relative : bool
        Half of what the machine gave to long tasks in the same block, instead of half of p serial loops.

    Returns
    -------
    Estimate
        Seconds. Value or ends are 0 where even the smallest task measured is long enough, infinite where none is.

    Notes
    -----
    A task's own time is efficiency x granularity, both of the same block, so it is measured with the block's own serial
    rate. The sizes are powers of two times the step of the median block.
    """
    octaves = tuple(curve.efficiency[-1])
    sizes_s = [statistics.median(_own_s(curve, octave)) for octave in octaves]
    given = curve.machine if relative else [1.0] * len(curve.machine)
    pairs = zip(curve.efficiency, given, strict=True)
    blocks = [[block[o] / share for o in octaves] for block, share in pairs if block.keys() >= set(octaves)]
    return bootstrap_interval(blocks, lambda drawn: median_crossing(sizes_s, drawn, LEVEL), seed=seed)


def _own_s(curve: Curve, octave: int) -> list[float]:
    """Return what tasks of a size take by themselves, in seconds, for each block that had the size."""
    pairs = zip(curve.efficiency, curve.granularity, strict=True)
    return [efficiency[octave] * sizes[octave] for efficiency, sizes in pairs if octave in sizes]


def _row(way: Way, pattern: str) -> dict[str, Any]:
    """Return the row of a cell before anything is known."""
    return {
        "label": way.label,
        "executor": way.executor,
        "start_method": way.start_method,
        "implementation": way.implementation,
        "interpreter": way.interpreter,
        "workers": way.workers,
        "dispatch": way.dispatch,
        "pattern": pattern,
        "tasks_per_worker": PATTERNS[pattern],  # type: ignore[index]
        "status": "unavailable",
        "reason": way.available.reason,
        "cure": way.available.cure,
        "metg_s": None,
        "task_s": None,
        "relative_metg_s": None,
        "empty_task_s": None,
        "curve": [],
    }


def _curve_row(curve: Curve, machine: Mapping[str, Any] | None) -> dict[str, Any]:
    row = {**_row(curve.cell.way, curve.cell.pattern), "status": curve.status, "reason": curve.reason}
    row["cure"] = curve.cure
    if curve.status != "ok" or not curve.efficiency:
        return row
    row["empty_task_s"] = medians(curve.empty)
    row["curve"] = [_point(curve, octave) for octave in curve.efficiency[-1]]
    found, relative = own_time(curve), own_time(curve, relative=True)
    if 0 < relative.value < math.inf:
        row["relative_metg_s"] = _times(relative, 1.0 / LEVEL)
    if found.value == 0:
        smallest_s = row["curve"][0]["task_s"]["value"]
        reason = f"even the smallest tasks measured, of {smallest_s * 1e9:.0f} ns, have {LEVEL:.0%} efficiency"
        return {**row, "status": "below_sweep", "reason": reason}
    if math.isinf(found.value):
        return {**row, "status": "not_reached", "reason": _why_not(row["curve"][-1], machine)}
    row["task_s"], row["metg_s"] = _times(found, 1.0), _times(found, 1.0 / LEVEL)
    return row


def _times(found: Estimate, factor: float) -> dict[str, Any] | None:
    """Return a multiple of an own time as JSON; ends beyond the sweep are null."""
    low = found.low * factor if found.low else -math.inf
    return estimate_fields(replace(found, value=found.value * factor, low=low, high=found.high * factor))


def _why_not(last: Mapping[str, Any], machine: Mapping[str, Any] | None) -> str:
    """Say how far the longest tasks got, and whether it is the machine that gives no more."""
    reached = f"tasks of {last['task_s']['value'] * 1e3:.3g} ms reach {last['efficiency']['value']:.0%} efficiency"
    if machine is not None and machine["value"] < LEVEL / 0.9:
        return f"{reached}; the machine gave the workers {machine['value']:.0%} of what it gives one at a time"
    return reached


def _point(curve: Curve, octave: int) -> dict[str, Any]:
    return {
        "steps": 1 << octave,
        "task_s": medians(_own_s(curve, octave)),
        "granularity_s": medians([block[octave] for block in curve.granularity if octave in block]),
        "efficiency": medians([block[octave] for block in curve.efficiency if octave in block]),
    }


def metg_document(
    request: Request, ways: Sequence[Way], sweep: Sweep, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn what was measured into the study's document; a way that cannot be used here is two rows with its reason."""
    machine = medians(sweep.spin)
    by_cell = {(curve.cell.way.label, curve.cell.pattern): curve for curve in sweep.curves}
    rows = []
    for way in ways:
        for pattern in PATTERNS:
            curve = by_cell.get((way.label, pattern))
            rows.append(_row(way, pattern) if curve is None else _curve_row(curve, machine))
    controls = {"spin_efficiency": machine, "step_s": medians(sweep.step_s)}
    return document(
        "metg",
        environment=environment,
        asked=asdict(request),
        blocks=sweep.blocks,
        rows=rows,
        controls={name: found for name, found in controls.items() if found is not None},
        interrupted=sweep.interrupted,
    )
