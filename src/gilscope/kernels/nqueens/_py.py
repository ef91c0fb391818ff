"""nqueens in plain Python."""

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count the placements for pairs [lo, hi); return them and the nodes."""
    n = params["n"]
    if n == 1:
        return [hi - lo, hi - lo]
    full = (1 << n) - 1
    nodes = 0

    def place(columns: int, left: int, right: int) -> int:
        nonlocal nodes
        free = full & ~(columns | left | right)
        solutions = 0
        while free:
            queen = free & -free
            free ^= queen
            nodes += 1
            taken = columns | queen
            solutions += 1 if taken == full else place(taken, (left | queen) << 1, (right | queen) >> 1)
        return solutions

    solutions = 0
    for item in range(lo, hi):
        first, second = 1 << item // n, 1 << item % n
        left, right = first << 1, first >> 1
        if not second & (first | left | right):
            nodes += 1
            taken = first | second
            solutions += 1 if taken == full else place(taken, (left | second) << 1, (right | second) >> 1)
    return [solutions, nodes]
