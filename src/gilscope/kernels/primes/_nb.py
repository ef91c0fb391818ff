"""primes in Numba: sixteen divisors at a time, as in Cython."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 16
_FIRST = 2 + _LANES  # below it one by one: most numbers have a small divisor
_BLOCK = 1024


@inlined
def _any_divides(n: float, first: float) -> bool:
    """Tell whether one of the divisors [first, first + _LANES) whose square is at most n divides n.

    Doubles, because there is no vector division of integers; exact for n < 2**31.
    """
    found = 0
    for lane in range(_LANES):
        d = first + lane
        q = n / d
        found |= int(q == np.floor(q)) & int(d <= q)
    return found != 0


@inlined
def _first_divisor(n: Any) -> Any:
    """Return the first divisor of n whose square is at most n, or 0."""
    d = np.int32(2)
    while d < _FIRST and d * d <= n:
        if n % d == 0:
            return d
        d += np.int32(1)
    while d * d <= n:
        if _any_divides(float(n), float(d)):
            while n % d:
                d += np.int32(1)
            return d
        d += np.int32(_LANES)
    return np.int32(0)


@inlined
def _count(lo: int, hi: int) -> tuple[int, int]:
    """Primes among [lo, hi), and divisions."""
    primes = divisions = 0
    for i in range(max(lo, 2), hi):
        n = np.int32(i)
        d = _first_divisor(n)
        if d == 0:
            primes += 1
            divisions += int(sqrt(float(n))) - 1
        else:
            divisions += d - 1
    return primes, divisions


@gil
def _nb_gil(lo: int, hi: int) -> Any:
    return _count(lo, hi)


@nogil
def _nb_nogil(lo: int, hi: int) -> Any:
    return _count(lo, hi)


@parallel
def _nb_prange(limit: int, workers: int) -> Any:
    primes = divisions = 0
    # Larger numbers cost more: thread t takes blocks t, t + workers, ... instead of a contiguous share.
    for thread in numba.prange(workers):
        for first in range(thread * _BLOCK, limit, workers * _BLOCK):
            found, divided = _count(first, min(first + _BLOCK, limit))
            primes += found
            divisions += divided
    return primes, divisions


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the primes among [lo, hi), holding the GIL; return them and the divisions."""
    check_range(lo, hi, params["limit"])
    return [int(count) for count in _nb_gil(lo, hi)]


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the primes among [lo, hi), without the GIL; return them and the divisions."""
    check_range(lo, hi, params["limit"])
    return [int(count) for count in _nb_nogil(lo, hi)]


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> list[int]:
    """Count all primes on Numba's own threads; return them and the divisions."""
    use_threads(workers)
    return [int(count) for count in _nb_prange(params["limit"], workers)]
