"""montecarlo_pi in Numba."""

import platform
from typing import Any

import numba
import numpy as np

from gilscope.kernels._numba import ISA, chunked, inlined, own_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

# All operands uint64: Numba turns a mix of uint64 and int64 into float64.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MUL1 = np.uint64(0xBF58476D1CE4E5B9)
_MUL2 = np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_1, _2 = np.uint64(1), np.uint64(2)
_SCALE = 2.0**-53
_IN_HALVES = (
    platform.machine() in ("x86_64", "AMD64") and ISA != "x86-64-v4"
)  # no such vector instruction: splitmix.pxd
_32, _LOW_HALF = np.uint64(32), np.uint64(0xFFFFFFFF)
_HIGH, _LOW, _BOTH = np.uint64(0x4530000000000000), np.uint64(0x4330000000000000), float.fromhex("0x1.00000001p84")


@inlined
def _double(n: Any) -> Any:
    """Convert a uint64 below 2**53; exact."""
    if not _IN_HALVES:
        return np.float64(n)
    high = np.uint64((n >> _32) | _HIGH).view(np.float64)
    low = np.uint64((n & _LOW_HALF) | _LOW).view(np.float64)
    return (high - _BOTH) + low


@inlined
def _uniform(z: Any) -> Any:
    """Return the double in [0, 1) of a state of the generator, a uint64."""
    z = (z ^ (z >> _30)) * _MUL1
    z = (z ^ (z >> _27)) * _MUL2
    return _double((z ^ (z >> _31)) >> _11) * _SCALE


@inlined
def _hits(lo: int, hi: int) -> int:
    count = 0
    state = (_2 * np.uint64(lo) + _1) * _GAMMA
    for _ in range(lo, hi):
        x = _uniform(state)
        y = _uniform(state + _GAMMA)
        count += x * x + y * y <= 1.0
        state += _2 * _GAMMA
    return count


nb_gil, nb_nogil = chunked(_hits, lambda *_: (), lambda params: params["n"])


@own_threads(lambda phase, params, buffers: (params["n"],))
def nb_prange(n: int, workers: int) -> int:
    """Hits among all samples; one contiguous share per thread."""
    count = 0
    for thread in numba.prange(workers):
        count += _hits(n * thread // workers, n * (thread + 1) // workers)
    return count
