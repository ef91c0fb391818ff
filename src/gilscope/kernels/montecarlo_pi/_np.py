"""montecarlo_pi in NumPy: a block of samples at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from gilscope.spec import Buffers, Params

__all__ = ["np_vec"]

_BLOCK = 16384  # samples: 256 KiB of state stay in the second-level cache
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Count the hits among samples [lo, hi)."""
    hits = 0
    for first in range(lo, hi, _BLOCK):
        last = min(first + _BLOCK, hi)
        x, y = _uniform(2 * first, 2 * last, 2), _uniform(2 * first + 1, 2 * last + 1, 2)
        x *= x
        y *= y
        x += y
        hits += int(np.count_nonzero(x <= 1.0))
    return hits


def _uniform(start: int, stop: int, step: int) -> Any:
    """Return u(0, i) for i in range(start, stop, step)."""
    z = np.arange(start + 1, stop + 1, step, dtype=np.uint64)
    z *= _GAMMA
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    z >>= np.uint64(11)
    return z * 2.0**-53
