"""spin in Numba: arithmetic in registers, on Numba's own threads."""

from typing import Any

import numba
import numpy as np

from gilscope.kernels._numba import ISA, inlined, own_threads, view

__all__ = ["ISA", "nb_prange"]

# All operands uint64: Numba turns a mix of uint64 and int64 into float64.
_MULTIPLIER = np.uint64(6364136223846793005)  # Knuth, MMIX
_1, _2, _3, _5, _7, _31 = (np.uint64(number) for number in (1, 2, 3, 5, 7, 31))


@inlined
def _spin(start: Any, steps: int) -> Any:
    """Advance four generators; return something that depends on all of them.

    Not the plain congruential ones of the Cython loop: LLVM does several steps of those in one, so that the time would
    no longer be in proportion to the steps.
    """
    a, b, c, d = start, start + _1, start + _2, start + _3
    for _ in range(steps):
        a = (a ^ (a >> _31)) * _MULTIPLIER + _1
        b = (b ^ (b >> _31)) * _MULTIPLIER + _3
        c = (c ^ (c >> _31)) * _MULTIPLIER + _5
        d = (d ^ (d >> _31)) * _MULTIPLIER + _7
    return a ^ b ^ c ^ d


@own_threads(
    lambda phase, params, buffers: (view(buffers, "last", np.uint64, params["items"]), params["items"], params["steps"])
)
def nb_prange(last: Any, items: int, steps: int, workers: int) -> int:
    """Spin all items; return how many."""
    for item in numba.prange(items):
        last[item] = _spin(np.uint64(item), steps)
    return items
