"""binary_trees in plain Python."""

from typing import Any

from gilscope.core.spec import Buffers, Params


def _make(depth: int) -> tuple[Any, Any]:
    """Return a full tree of pairs; the pairs at the bottom hold None twice."""
    return (_make(depth - 1), _make(depth - 1)) if depth else (None, None)


def _count(tree: tuple[Any, Any]) -> int:
    """Return the number of pairs of a tree."""
    left, right = tree
    return 1 + _count(left) + _count(right) if left else 1


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Build and count trees [lo, hi); return the number of their nodes."""
    depth = params["depth"]
    return sum(_count(_make(depth)) for _ in range(lo, hi))
