"""primes in Numba: sixteen divisors at a time, as in Cython."""

from math import sqrt
from typing import Any

import numba
import numpy as np

from gilscope.kernels._numba import ISA, chunked, inlined, own_threads

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
    # Always _LANES. LLVM, if it knows the number, unrolls the loop and then does not vectorise it.
    for lane in range(min(int(n), _LANES)):
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


nb_gil, nb_nogil = chunked(_count, lambda *_: (), lambda params: params["limit"])


@own_threads(lambda phase, params, buffers: (params["limit"],))
def nb_prange(limit: int, workers: int) -> Any:
    """All numbers. Larger ones cost more: thread t takes blocks t, t + workers, ... instead of a contiguous share."""
    primes = divisions = 0
    for thread in numba.prange(workers):
        for first in range(thread * _BLOCK, limit, workers * _BLOCK):
            found, divided = _count(first, min(first + _BLOCK, limit))
            primes += found
            divisions += divided
    return primes, divisions
