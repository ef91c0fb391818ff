"""primes in plain Python."""

from math import isqrt

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the primes among [lo, hi); return them and the divisions."""
    primes = divisions = 0
    for n in range(max(lo, 2), hi):
        root = isqrt(n)
        for d in range(2, root + 1):
            if not n % d:
                divisions += d - 1
                break
        else:
            primes += 1
            divisions += root - 1
    return [primes, divisions]
