"""What a change would give: the same network with less of one demand, as a virtual speed-up.

Coz (Curtsinger & Berger, SOSP 2015) slows everything else down to see what a faster part would give; here the model
says it. What holds the GIL or a lock less computes beside the others instead, so T(1) stays. What the parent or the
memory does less is not done, so T(1) shrinks too, and the speed-up is over the T(1) of before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gilscope.analysis.columns import scaled
from gilscope.analysis.predict.model import Demands, Limit, Prediction, limit, predict
from gilscope.core.errors import UsageError

STATIONS: Mapping[str, str] = {"gil": "gil", "dispatch": "parent", "lock": "lock", "memory": "memory"}
"""Names of what can be changed, and the station each is."""

_CHANGE = re.compile(r"(?P<name>\w+)(?:=(?P<nothing>0)|/(?P<divisor>\d{1,9}(?:\.\d{1,9})?))")
_GONE = ("parent", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A demand of which a share of 0 to 1 is left; ``text`` as it was asked for."""

    text: str
    station: str
    left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What is predicted with a change."""

    change: str
    predictions: tuple[Prediction, ...]
    limit: Limit | None


def read_change(text: str) -> Change:
    """Read ``gil=0``, ``gil/2`` or ``dispatch/10``; UsageError for anything else."""
    match = _CHANGE.fullmatch(text.strip())
    if match is None or match["name"] not in STATIONS:
        names = ", ".join(STATIONS)
        raise UsageError(f"--what-if {text!r} is not a change: write it like gil=0 or gil/2, of {names}")
    divisor = math.inf if match["nothing"] else float(match["divisor"])
    if divisor < 1.0:
        raise UsageError(f"--what-if {text!r} makes it more: divide by 1 or more, like gil/2")
    return Change(text=text.strip(), station=STATIONS[match["name"]], left=1.0 / divisor)


def changed(demands: Demands, change: Change, workers: tuple[int, ...], cpus: int | None) -> Changed | None:
    """Predict with a change; None where there is no such demand."""
    own = next((one for one in demands.stations if one.station == change.station), None)
    if own is None:
        return None
    shorter = 1.0 - own.share.value * (1.0 - change.left) if change.station in _GONE else 1.0
    stations = tuple(
        replace(one, share=scaled(one.share, (change.left if one is own else 1.0) / shorter) or one.share)
        for one in demands.stations
        if one is not own or change.left > 0
    )
    new = replace(demands, stations=stations, cycle_s=demands.cycle_s * shorter)
    found = tuple(_over(one, 1.0 / shorter) for one in predict(new, workers, cpus))
    most = limit(new)
    return Changed(
        change=change.text,
        predictions=found,
        limit=replace(most, speedup=scaled(most.speedup, 1.0 / shorter) or most.speedup) if most else None,
    )


def _over(found: Prediction, factor: float) -> Prediction:
    return replace(found, speedup=scaled(found.speedup, factor) or found.speedup)


def changes_of(demands: Demands, changes: Sequence[Change], workers: tuple[int, ...], cpus: int | None
               ) -> tuple[Changed, ...]:  # fmt: skip
    """Predict with each change by itself; those of which there is nothing to change are left out."""
    found = (changed(demands, change, workers, cpus) for change in changes)
    return tuple(one for one in found if one is not None)
