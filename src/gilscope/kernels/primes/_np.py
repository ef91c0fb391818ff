"""primes in NumPy: one divisor after the other for all numbers that are not decided yet."""

import numpy as np

from gilscope.core.spec import Buffers, Params

_BLOCK = 65536  # numbers at a time: candidates and quotients stay in the second-level cache


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the primes among [lo, hi); return them and the divisions."""
    primes = divisions = 0
    for first in range(max(lo, 2), hi, _BLOCK):
        undecided = np.arange(first, min(first + _BLOCK, hi), dtype=np.int32)
        d = 2
        while len(undecided):
            decided = int(np.searchsorted(undecided, d * d))  # they have no divisor up to their root
            primes += decided
            undecided = undecided[decided:]
            divisions += len(undecided)
            quotients = undecided // np.int32(d)
            quotients *= np.int32(d)
            undecided = undecided[quotients != undecided]
            d += 1
    return [primes, divisions]
