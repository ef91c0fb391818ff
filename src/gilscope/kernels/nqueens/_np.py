"""nqueens in NumPy: row by row, all partial placements of a pair at once."""

from typing import Any

import numpy as np

from gilscope.core.spec import Buffers, Params


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the placements for pairs [lo, hi); return them and the nodes."""
    n = params["n"]
    if n == 1:
        return [hi - lo, hi - lo]
    solutions = nodes = 0
    for item in range(lo, hi):
        first, second = 1 << item // n, 1 << item % n
        left, right = first << 1, first >> 1
        if not second & (first | left | right):
            board = np.array([[first | second], [(left | second) << 1], [(right | second) >> 1]], dtype=np.int32)
            nodes += 1
            for _ in range(2, n):
                board = _next_row(board, n)
                nodes += board.shape[1]
            solutions += board.shape[1]
    return [solutions, nodes]


def _next_row(board: Any, n: int) -> Any:
    """Return all ways to place one more queen; boards are columns, left and right masks, int32 of shape (3, boards)."""
    free = ~(board[0] | board[1] | board[2])
    parts = []
    for column in range(n):
        queen = np.int32(1 << column)
        fitting = board[:, (free & queen) != 0] | queen
        fitting[1] <<= 1
        fitting[2] >>= 1
        parts.append(fitting)
    return np.concatenate(parts, axis=1)
