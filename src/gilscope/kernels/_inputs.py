"""The input generator in plain Python: the fallback where the compiled one of the same name is not built.

Counter-based, so every implementation, executor and worker count computes the same numbers:
``u(seed, i) = (splitmix64(seed + i) >> 11) * 2**-53``. The two twins are equal by test.
"""

from __future__ import annotations

from typing import Any

__all__ = ["COMPILED", "fill_bounded", "fill_uniform", "fill_words", "seed_of", "splitmix64", "uniform"]

COMPILED = False

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_SCALE = 2.0**-53


def splitmix64(i: int) -> int:
    """Return the i-th output of SplitMix64 started at zero, a whole number below 2**64.

    Notes
    -----
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
