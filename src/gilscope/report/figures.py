"""Numbers as people read them; never without their interval."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from gilscope.analysis.rows import CaseRow, Rate
from gilscope.stats import Estimate

NONE = "-"
NO_BREAK = "\u00a0"
_TOGETHER = re.compile(r"(?<=,) (?=[\d.?]+\])| (?=\[(?:-\]|[\d.?]+,))|(?<=\d) (?=%)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line feed
_BUT_COLORS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;]*m)")
_SLACK = 1e-9  # half-widths are rounded up, but not by the last digits of a division
_ALIKE = 0.05  # share by which two speed-ups may differ without a word
_PREFIXES = {-3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P"}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def narrow(value: float) -> str:
    """Write a ratio: ``0.013``, ``0.98``, ``1.93``, ``41.2``, ``512``."""
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 3}f}"


def si_power(value: float) -> int:
    """Return the power of 1000 whose prefix ``si`` gives a value."""
    if value == 0 or not math.isfinite(value):
        return 0
    power = math.floor(math.log10(abs(value)) / 3)
    if round(abs(value) / 1000.0**power, 0) >= 1000:  # 999.7 k reads 1.00 M
        power += 1
    return min(max(power, min(_PREFIXES)), max(_PREFIXES))


def si(value: float) -> str:
    """Write three digits with an SI prefix: ``812 M``, ``1.20 G``, ``35.0 m``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f} "
    power = si_power(value)
    scaled = value / 1000.0**power
    digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
    return f"{scaled:.{digits}f} {_PREFIXES[power]}"


def sized(nbytes: float) -> str:
    """Write a number of bytes: ``1 KiB``, ``1.5 MiB``."""
    power = 0
    while nbytes >= 1024 and power < len(_BINARY) - 1:
        nbytes, power = nbytes / 1024, power + 1
    return f"{nbytes:.3g} {_BINARY[power]}"


def counted(count: int, noun: str) -> str:
    """Write ``1 block``, ``2 blocks``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def seconds(value: float) -> str:
    """Write a duration with a fitting unit: ``1.20 s``, ``35.0 ms``."""
    return f"{si(value)}s"


def spread(estimate: Estimate | None) -> str:
    """Write the relative half-width, rounded up: ``±2%``; ``±?`` where one block gives no interval."""
    if estimate is None or not estimate.has_interval or not estimate.value:
        return "±?"
    points = 100 * estimate.relative_half_width - _SLACK
    return f"±{math.ceil(points)}%" if points > 0.9 else f"±{max(1, math.ceil(10 * points)) / 10:.1f}%"


def interval(estimate: Estimate | None, write: Callable[[float], str] = narrow) -> str:
    """Write ``1.93 [1.90, 1.95]``, each number by ``write``; ``1.93 [-]`` where nothing is known of the interval."""
    if estimate is None:
        return NONE
    if not estimate.has_interval:
        return f"{write(estimate.value)} [{NONE}]"
    return f"{write(estimate.value)} [{write(estimate.low)}, {write(estimate.high)}]"


def times(estimate: Estimate | None) -> str:
    """Write ``1.93x [1.90, 1.95]``, and of one block that it is one: for sentences."""
    if estimate is not None and estimate.n == 1 and not estimate.has_interval:
        return f"{narrow(estimate.value)}x (measured once: needs a larger --budget)"
    value, _, ends = interval(estimate).partition(" ")
    return f"{value}x {ends}"


def gain(row: CaseRow) -> str:
    """Write the speed-up that decisions go by, with the one as timed where other programs made that another."""
    found, timed = row.judged, row.speedup
    if found is None or timed is None or abs(found.value - timed.value) <= _ALIKE * timed.value:
        return times(found)
    return f"{times(found)} net of other programs ({narrow(timed.value)}x as timed)"


def percent(estimate: Estimate | None) -> str:
    """Write ``97 ±2%``: percent, and percentage points to either side."""
    if estimate is None:
        return NONE
    if not estimate.has_interval:
        return f"{100 * estimate.value:z.0f} ±?%"
    return points(estimate.value, estimate.low, estimate.high)


def points(value: float, low: float, high: float) -> str:
    """Write a share and its interval as ``percent`` does."""
    return f"{100 * value:z.0f} ±{max(1, math.ceil(100 * max(high - value, value - low) - _SLACK))}%"


def per_second(rate: Rate) -> str:
    """Write ``812 M iterations/s``."""
    return f"{si(rate.value).rstrip()} {rate.unit}/s"


def quotient(top: Estimate, bottom: Estimate) -> Estimate:
    """Divide estimates that were not taken in the same block; the interval is the widest that both allow."""
    value, n = top.value / bottom.value, min(top.n, bottom.n)
    if not (top.has_interval and bottom.has_interval) or bottom.low <= 0:
        return Estimate(value=value, low=value, high=value, confidence=0.0, n=n)
    confidence = min(top.confidence, bottom.confidence)
    return Estimate(value=value, low=top.low / bottom.high, high=top.high / bottom.low, confidence=confidence, n=n)


def joined(names: Iterable[str]) -> str:
    """Write ``a, b and c``."""
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"


def printable(text: str, *, color: bool = False) -> str:
    """Return a text without what could command a terminal; ``color`` keeps the sequences that set colours."""
    return (_BUT_COLORS if color else _CONTROL).sub("?", text)


def unbroken(text: str) -> str:
    """Return a text in which no line may end inside an interval or before a per cent sign."""
    return _TOGETHER.sub(NO_BREAK, text)
