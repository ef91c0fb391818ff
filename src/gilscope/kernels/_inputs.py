"""The input generator in plain Python: the fallback where its compiled twin of the same name is not built.

Counter-based, so all implementations, executors and worker counts compute the same numbers:
``u(seed, i) = (splitmix64(seed + i) >> 11) * 2**-53``.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

COMPILED = False

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_SCALE = 2.0**-53
_MAX_ROW = 1000  # items in the longest row of a power-law matrix


def splitmix64(i: int) -> int:
    """Return the i-th output of SplitMix64 started at zero, a whole number below 2**64.

    Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    z = (i + 1) * 0x9E3779B97F4A7C15 & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


def uniform(i: int) -> float:
    """Return the i-th double in [0, 1): the upper 53 bits, scaled."""
    return (splitmix64(i) >> 11) * _SCALE


def seed_of(kernel: int, array: int) -> int:
    """Return the first counter of one array: ``kernel << 48 | array << 40``."""
    return kernel << 48 | array << 40


def fill_uniform(out: memoryview[Any], seed: int) -> None:
    """Fill a buffer of doubles with ``u(seed, i)``."""
    for i in range(len(out)):
        out[i] = uniform(seed + i)


def fill_bounded(out: memoryview[Any], seed: int, low: int, count: int) -> None:
    """Fill a buffer of doubles or int32 with the whole numbers ``low + floor(count * u(seed, i))``."""
    for i in range(len(out)):
        out[i] = low + int(count * uniform(seed + i))


def fill_words(out: memoryview[Any], seed: int) -> None:
    """Fill a buffer of uint64 with ``splitmix64(seed + i)``."""
    for i in range(len(out)):
        out[i] = splitmix64(seed + i)


def fill_remainders(out: memoryview[Any], seed: int, modulus: int) -> None:
    """Fill a buffer of int32 with ``splitmix64(seed + i) % modulus``."""
    if modulus < 1:
        raise ValueError("modulus must be above zero")
    for i in range(len(out)):
        out[i] = splitmix64(seed + i) % modulus


def _row_length(value: float) -> int:
    """Return ``1 + min(999, floor(8 / sqrt(u)))``; u = 0 gives the longest row."""
    length = 8.0 / math.sqrt(value) if value else math.inf
    return 1 + (int(length) if length < _MAX_ROW - 1 else _MAX_ROW - 1)


def fill_power_law_starts(out: memoryview[Any], seed: int) -> int:
    """Fill a buffer of int64, shape (rows + 1,), with the starts of rows of descending length; return the sum of these.

    Row i has the items from ``out[i]`` to ``out[i + 1]``; lengths are ``1 + min(999, floor(8 / sqrt(u)))``.
    """
    rows_of = Counter(_row_length(uniform(seed + i)) for i in range(len(out) - 1))
    position = i = 0
    for length in sorted(rows_of, reverse=True):
        for _ in range(rows_of[length]):
            out[i] = position
            position += length
            i += 1
    out[i] = position
    return position
