"""Numbers as people read them; never without their interval."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = [
    "NONE",
    "NO_BREAK",
    "Estimate",
    "half_width",
    "has_interval",
    "interval",
    "narrow",
    "percent",
    "printable",
    "quotient",
    "seconds",
    "si",
    "spread",
    "times",
    "unbroken",
]

Estimate: TypeAlias = Mapping[str, Any]
"""``{"value", "low", "high"}`` of the analysis document; ``low`` and ``high`` are null below two blocks."""

NONE = "-"
NO_BREAK = "\u00a0"
_INSIDE_INTERVAL = re.compile(r"(?<=,) (?=[\d.?]+\])| (?=\[[\d.?]+,)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed
_BUT_COLORS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;]*m)")
_SLACK = 1e-9  # half-widths are rounded up, but not by the last digits of a division
_PREFIXES = {-3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P"}


def narrow(value: float) -> str:
    """Write a ratio: ``0.013``, ``0.98``, ``1.93``, ``41.2``, ``512``."""
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 3}f}"


def si(value: float) -> str:
    """Write three digits with an SI prefix: ``812 M``, ``1.20 G``, ``35.0 m``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f} "
    power = math.floor(math.log10(abs(value)) / 3)
    if round(abs(value) / 1000.0**power, 0) >= 1000:  # 999.7 k reads 1.00 M
        power += 1
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    scaled = value / 1000.0**power
    digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
    return f"{scaled:.{digits}f} {_PREFIXES[power]}"


def seconds(value: float) -> str:
    """Write a duration with a fitting unit: ``1.20 s``, ``35.0 ms``."""
    return f"{si(value)}s"


def has_interval(estimate: Estimate) -> bool:
    """Whether the interval says anything: the extremes of a single block have no width and no confidence."""
    known = estimate.get("low") is not None and estimate.get("high") is not None
    return known and estimate.get("confidence") != 0


def half_width(estimate: Estimate | None) -> float | None:
    """Return the larger distance from the value to an end of its interval, relative to the value."""
    if not estimate or not has_interval(estimate) or not estimate["value"]:
        return None
    value = estimate["value"]
    return float(max(estimate["high"] - value, value - estimate["low"]) / abs(value))


def spread(estimate: Estimate | None) -> str:
    """Write the relative half-width, rounded up: ``±2%``; ``±?`` where one block gives no interval."""
    width = half_width(estimate)
    if width is None:
        return "±?"
    points = 100 * width - _SLACK
    return f"±{math.ceil(points)}%" if points > 0.9 else f"±{max(1, math.ceil(10 * points)) / 10:.1f}%"


def interval(estimate: Estimate | None) -> str:
    """Write ``1.93 [1.90, 1.95]``."""
    if not estimate:
        return NONE
    if not has_interval(estimate):
        return f"{narrow(estimate['value'])} [?, ?]"
    return f"{narrow(estimate['value'])} [{narrow(estimate['low'])}, {narrow(estimate['high'])}]"


def times(estimate: Estimate) -> str:
    """Write ``1.93x [1.90, 1.95]``."""
    value, _, ends = interval(estimate).partition(" ")
    return f"{value}x {ends}"


def percent(estimate: Estimate | None) -> str:
    """Write ``97 ±2%``: percent, and percentage points to either side."""
    if not estimate:
        return NONE
    value = 100 * estimate["value"]
    if not has_interval(estimate):
        return f"{value:.0f} ±?%"
    points = max(100 * estimate["high"] - value, value - 100 * estimate["low"])
    return f"{value:.0f} ±{max(1, math.ceil(points - _SLACK))}%"


def quotient(top: Estimate, bottom: Estimate) -> Estimate:
    """Divide two estimates that were not taken in the same block; the ends are the widest the two intervals allow."""
    value = top["value"] / bottom["value"]
    if not (has_interval(top) and has_interval(bottom)) or bottom["low"] <= 0:
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": top["low"] / bottom["high"], "high": top["high"] / bottom["low"]}


def printable(text: str, *, color: bool = False) -> str:
    """Return a text without control characters: a file from elsewhere must not command the terminal.

    Parameters
    ----------
    color : bool
        Keep the sequences that set colours.
    """
    return (_BUT_COLORS if color else _CONTROL).sub("?", text)


def unbroken(text: str) -> str:
    """Return a text in which no line may end inside an interval."""
    return _INSIDE_INTERVAL.sub(NO_BREAK, text)
