"""nqueens in Numba: the recursion with a stack of its own."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_MAX_N = 31


@inlined
def _below(full: int, columns: int, left: int, right: int, stack: Any) -> tuple[int, int]:
    """Complete placements below two rows, and queens placed; ``stack``, int64 of shape (32, 4), is scratch."""
    solutions = nodes = 0
    depth = np.uint64(0)
    free = full & ~(columns | left | right)
    while True:
        while free:
            queen = free & -free
            free ^= queen
            nodes += 1
            taken = columns | queen
            if taken == full:
                solutions += 1
            else:
                if free:  # the last queen of a row need not come back to it
                    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = free, columns, left, right
                    depth += np.uint64(1)
                columns, left, right = taken, (left | queen) << 1, (right | queen) >> 1
                free = full & ~(columns | left | right)
        if depth == np.uint64(0):
            return solutions, nodes
        depth -= np.uint64(1)
        free, columns, left, right = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]


@inlined
def _pairs(lo: int, hi: int, step: int, n: int) -> tuple[int, int]:
    """Complete placements and nodes for pairs lo, lo + step, ... below hi."""
    solutions = nodes = 0
    full = (1 << n) - 1
    stack = np.empty((_MAX_N + 1, 4), np.int64)
    for item in range(lo, hi, step):
        first, second = 1 << (item // n), 1 << (item % n)
        left, right = first << 1, first >> 1
        if n == 1:
            solutions += 1
            nodes += 1
        elif not second & (first | left | right):
            taken = first | second
            if taken == full:
                found, placed = 1, 0
            else:
                found, placed = _below(full, taken, (left | second) << 1, (right | second) >> 1, stack)
            solutions += found
            nodes += placed + 1
    return solutions, nodes


@gil
def _nb_gil(lo: int, hi: int, n: int) -> Any:
    return _pairs(lo, hi, 1, n)


@nogil
def _nb_nogil(lo: int, hi: int, n: int) -> Any:
    return _pairs(lo, hi, 1, n)


@parallel
def _nb_prange(n: int, workers: int) -> Any:
    solutions = nodes = 0
    # Sub-trees differ in size: thread t takes pairs t, t + workers, ... instead of a contiguous share.
    for thread in numba.prange(workers):
        found, placed = _pairs(thread, n * n, workers, n)
        solutions += found
        nodes += placed
    return solutions, nodes


def _checked(n: int) -> int:
    """Refuse boards that do not fit in the stack."""
    if n > _MAX_N:
        raise ValueError(f"n must be {_MAX_N} or less, got {n}")
    return n


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the placements for pairs [lo, hi), holding the GIL; return them and the nodes."""
    check_range(lo, hi, params["n"] ** 2)
    return [int(count) for count in _nb_gil(lo, hi, _checked(params["n"]))]


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the placements for pairs [lo, hi), without the GIL; return them and the nodes."""
    check_range(lo, hi, params["n"] ** 2)
    return [int(count) for count in _nb_nogil(lo, hi, _checked(params["n"]))]


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> list[int]:
    """Count all placements on Numba's own threads; return them and the nodes."""
    use_threads(workers)
    return [int(count) for count in _nb_prange(_checked(params["n"]), workers)]
