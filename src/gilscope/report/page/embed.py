"""Data inside the page: compressed, in an alphabet that no markup is made of."""

from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any, NamedTuple

__all__ = ["MAX_BYTES", "Packed", "compressed", "packed"]

MAX_BYTES = 1_200_000
"""Embedded size up to which an analysis is carried: the page with its charts and texts stays below 3 MB."""

_DIGITS = 5  # a part in a hundred thousand is far below any interval's width
_LEVEL = 6  # of gzip: 9 takes twice as long for 1 % less


class Packed(NamedTuple):
    """A document for download: ``text`` is empty where it is too large; ``exact``: numbers have all their digits."""

    text: str
    exact: bool


def packed(value: Any) -> Packed:
    """Compress a JSON-able document for download; a large one loses digits, one too large even then is left out."""
    text = compressed(value)
    if len(text) <= MAX_BYTES:
        return Packed(text, exact=True)
    text = compressed(_rounded(value))
    return Packed(text if len(text) <= MAX_BYTES else "", exact=False)


def compressed(value: Any) -> str:
    """Return base64 of gzip of JSON: base64 has no character that could end a script element."""
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(plain.encode("utf-8", "replace"), _LEVEL, mtime=0)).decode("ascii")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
