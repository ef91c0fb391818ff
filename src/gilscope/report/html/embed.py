"""Data inside the page: compressed, in an alphabet that no markup is made of."""

from __future__ import annotations

import base64
import gzip
import json
import math
from dataclasses import dataclass
from typing import Any

__all__ = ["MAX_EXACT_BYTES", "Packed", "packed"]

MAX_EXACT_BYTES = 1_200_000
"""Embedded size up to which numbers keep all their digits: the page with its charts stays below 3 MB."""

_DIGITS = 5  # of what is larger: a part in 100 000, far below any interval's width


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """``text`` is base64 of gzip of JSON; ``exact`` tells whether numbers have all their digits."""

    text: str
    exact: bool


def packed(value: Any) -> Packed:
    """Compress a JSON-able value for the page; large ones with numbers of five digits.

    Notes
    -----
    Base64 has no character that could end a script element.
    """
    text = _compressed(value)
    if len(text) <= MAX_EXACT_BYTES:
        return Packed(text=text, exact=True)
    return Packed(text=_compressed(_rounded(value)), exact=False)


def _compressed(value: Any) -> str:
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(plain.encode("utf-8", "replace"), 9, mtime=0)).decode("ascii")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
