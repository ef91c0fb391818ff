"""montecarlo_pi in NumPy: a block of samples at a time."""

from typing import Any

import numpy as np

from gilscope.core.spec import Buffers, Params

# Samples per block: long operations, because between two of them a thread needs the GIL; 1.5 MiB of state.
_BLOCK = 65536
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Count the hits among samples [lo, hi)."""
    hits = 0
    steps = 2 * np.arange(min(_BLOCK, hi - lo), dtype=np.uint64)
    scratch = np.empty((2, len(steps)), dtype=np.uint64)  # no operation allocates a large block
    points = np.empty((2, len(steps)))
    for first in range(lo, hi, _BLOCK):
        count = min(_BLOCK, hi - first)
        x, y = points[:, :count]
        _uniform(steps[:count], 2 * first, scratch[:, :count], x)
        _uniform(steps[:count], 2 * first + 1, scratch[:, :count], y)
        x *= x
        y *= y
        x += y
        hits += int(np.count_nonzero(x <= 1.0))
    return hits


def _uniform(steps: Any, start: int, scratch: Any, out: Any) -> None:
    """Fill out with u(0, start + steps); all of shape (count,), scratch of shape (2, count)."""
    z, shifted = scratch
    np.add(steps, np.uint64(start + 1), out=z)
    z *= _GAMMA
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        np.right_shift(z, np.uint64(shift), out=shifted)
        z ^= shifted
        z *= np.uint64(factor)
    np.right_shift(z, np.uint64(31), out=shifted)
    z ^= shifted
    z >>= np.uint64(11)
    np.multiply(z, 2.0**-53, out=out)
