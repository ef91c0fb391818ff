"""Quantities: adding up counters, reading what people write: ``60``, ``60s``, ``2m``, ``5%``."""

import math
import re
from collections.abc import Iterable

from gilscope.core.errors import UsageError

NS_PER_S = 1_000_000_000


def sum_known(values: Iterable[int | None]) -> int | None:
    """Add up counters; None where one of them is unknown."""
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


# Written so that every text is read in one pass: options may be as long as the system lets them be.
_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_SECONDS = {"": 1.0, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_duration_s(text: str, *, what: str = "duration", example: str = "60, 60s, 2m or 1h") -> float:
    """Read ``60``, ``60s``, ``1.5m``, ``500ms``, ``40us`` or ``1h`` as seconds; raise UsageError unless above zero."""
    match = re.fullmatch(rf"([+-]?(?:{_NUMBER}))\s*(ns|us|ms|s|min|m|h|)", text.strip())
    if match is None:
        raise UsageError(f"{what} {text!r} is no duration: write it like {example}")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"{what} {text!r} must be above zero: write it like {example}")
    return seconds


def parse_bytes(text: str, *, what: str = "size", example: str = "512M, 4G or 1.5T") -> int:
    """Read ``4G``, ``512M``, ``64KiB`` or ``1000`` as bytes; raise UsageError for anything else, or below one.

    Prefixes are powers of 1024, as ulimit and cgroups count.
    """
    match = re.fullmatch(rf"({_NUMBER})\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    count = float(match[1]) * 1024 ** "_KMGT".index(match[2].upper() or "_") if match else 0.0
    if not 1 <= count < 2**63:
        raise UsageError(f"{what} {text!r} is not a number of bytes: write it like {example}")
    return int(count)


def parse_fraction(text: str, *, what: str = "fraction") -> float:
    """Read ``5%`` or ``0.05`` as a fraction; raise UsageError unless it is between 0 and 1, both excluded."""
    match = re.fullmatch(rf"([+-]?(?:{_NUMBER}))\s*(%?)", text.strip())
    if match is None:
        raise UsageError(f"{what} {text!r} is no fraction: write it like 5% or 0.05")
    value = float(match[1]) / (100.0 if match[2] else 1.0)
    if not 0.0 < value < 1.0:
        meant = 1.0 <= value < 100.0 and not match[2]
        example = f"write {value:g}% or {value / 100:g}" if meant else "write it like 5% or 0.05"
        raise UsageError(f"{what} {text!r} must be between 0 and 100 %: {example}")
    return value
