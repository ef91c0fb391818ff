"""Data inside the page: compressed, in an alphabet that no markup is made of."""

from __future__ import annotations

import base64
import gzip
import json
import math
from dataclasses import dataclass
from typing import Any

__all__ = ["MAX_BYTES", "Packed", "packed"]

MAX_BYTES = 1_200_000
"""Embedded size up to which a document is carried whole: the page with its charts stays below 3 MB."""

_DIGITS, _FEW_DIGITS = 5, 4  # a part in ten thousand is far below any interval's width
_LEVEL = 6  # of gzip: 9 takes twice as long for 1 % less


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """``text`` is base64 of gzip of JSON.

    ``exact``: numbers have all their digits. ``whole``: nothing but digits is missing, so it may be downloaded.
    """

    text: str
    exact: bool
    whole: bool


def packed(value: Any) -> Packed:
    """Compress a JSON-able value for the page.

    A large one loses digits; one that is large even then loses what the page does not show, too.

    Notes
    -----
    Base64 has no character that could end a script element.
    """
    text = _compressed(value)
    if len(text) <= MAX_BYTES:
        return Packed(text=text, exact=True, whole=True)
    text = _compressed(_rounded(value, _DIGITS))
    if len(text) <= MAX_BYTES:
        return Packed(text=text, exact=False, whole=True)
    return Packed(text=_compressed(_rounded(_shown(value), _FEW_DIGITS)), exact=False, whole=False)


def _compressed(value: Any) -> str:
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(plain.encode("utf-8", "replace"), _LEVEL, mtime=0)).decode("ascii")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item, digits) for item in value]
    return value


def _shown(value: Any) -> Any:
    """Return the cases alone, their estimates without confidence and blocks but where these say that there is none."""
    if isinstance(value, dict) and "cases" in value:
        return {"cases": [_shown(row) for row in value["cases"]]}
    if isinstance(value, dict) and {"value", "low", "high"} <= value.keys():
        kept = {key: item for key, item in value.items() if key not in ("confidence", "blocks")}
        return kept if value.get("confidence") else {**kept, "confidence": 0}
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return value
