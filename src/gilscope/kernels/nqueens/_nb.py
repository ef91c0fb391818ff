"""nqueens in Numba: the recursion with a stack of its own."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads

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
def _pairs(n: int, lo: int, hi: int, step: int = 1) -> tuple[int, int]:
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


def _board(phase: int, params: Params, buffers: Buffers) -> tuple[int]:
    """Refuse boards that do not fit in the stack."""
    if params["n"] > _MAX_N:
        raise ValueError(f"n must be {_MAX_N} or less, got {params['n']}")
    return (params["n"],)


nb_gil, nb_nogil = chunked(_pairs, _board, lambda params: params["n"] ** 2)


@own_threads(_board)
def nb_prange(n: int, workers: int) -> Any:
    """All pairs. Sub-trees differ in size: thread t takes pairs t, t + workers, ... instead of a contiguous share."""
    solutions = nodes = 0
    for thread in numba.prange(workers):
        found, placed = _pairs(n, thread, n * n, workers)
        solutions += found
        nodes += placed
    return solutions, nodes
