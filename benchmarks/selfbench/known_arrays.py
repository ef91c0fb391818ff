"""Functions of NumPy and Numba whose behaviour on two threads is known: see `known_functions`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.selfbench.known_functions import count

_LARGE = 6_000_000  # doubles: 48 MB, more than a CPU's share of any cache
_LINE = 8  # doubles in a cache line of 64 bytes
_RANDOM = np.random.default_rng(1)
_MATRIX = _RANDOM.random((320, 320)) + 320.0 * np.eye(320)
_NUMBERS = [float(number) for number in _RANDOM.random(34_000)]
_SQUARE = _RANDOM.random((400, 400))
_ROOM = threading.local()
_TINY = np.ones(4)
_SHARED = np.random.default_rng(2)


def _sort_list() -> list[float]:
    return sorted(_NUMBERS)


def _multiply() -> None:
    if not hasattr(_ROOM, "product"):  # a new array would fault its pages in, at more than half of what is computed
        _ROOM.product = np.empty_like(_SQUARE)
    np.matmul(_SQUARE, _SQUARE, out=_ROOM.product)


def sort_then_multiply() -> None:
    """Sort a list, multiply matrices."""
    _sort_list()
    _multiply()


def _compiled() -> Callable[[int], float]:
    """Return a loop that Numba compiled to run without the GIL; n/a without Numba."""
    import numba

    @numba.njit(nogil=True)
    def newton(steps: int) -> float:
        value = 2.0
        for _ in range(steps):
            value = 0.5 * (value + 2.0 / value) + 1e-9
        return value

    newton(1)
    loop: Callable[[int], float] = newton
    return loop


_newton: Callable[[int], float] | None = None


def _compute() -> float:
    global _newton
    _newton = _newton or _compiled()
    return _newton(800_000)


def numba_nogil() -> None:
    """Compute in a compiled loop that released the GIL."""
    _compute()


def count_then_compute() -> None:
    """Count in byte code, compute in a compiled loop that released the GIL."""
    count()
    _compute()


PARTS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "sort_then_multiply": (_sort_list, _multiply),
    "count_then_compute": (count, _compute),
}
"""As in `known_functions`."""


# Locks


def room() -> tuple[Any]:
    """Make an array for results."""
    return (np.ones(200_000),)


def fill_normal(out: Any) -> None:
    """Draw from one generator of the process, whose lock is held meanwhile."""
    _SHARED.standard_normal(out=out)


# Small and cached


def add_tiny() -> None:
    """Add arrays of four numbers, a thousand times."""
    for _ in range(1_000):
        np.add(_TINY, _TINY)


def cube_roots(out: Any) -> None:
    """Take roots in place, in an array that fits a core's cache."""
    np.cbrt(out, out=out)


def small_room() -> tuple[Any]:
    """Make an array of 200 kB."""
    return (np.linspace(1.0, 2.0, 25_000),)


def solve() -> None:
    """Solve linear equations: an LU decomposition by LAPACK, with threads of its own unless limited."""
    np.linalg.solve(_MATRIX, _MATRIX)


# Memory


def one_large() -> tuple[Any]:
    """Make an array larger than caches."""
    return (np.full(_LARGE, 1.0),)


def two_large() -> tuple[Any, Any]:
    """Make two arrays larger than caches."""
    return np.full(_LARGE, 1.0), np.full(_LARGE, 2.0)


def copy(source: Any, target: Any) -> None:
    """Copy."""
    np.copyto(target, source)


def total(numbers: Any) -> None:
    """Add up."""
    np.sum(numbers)


def largest_of_lines(numbers: Any) -> None:
    """Find the largest of one number of each cache line."""
    np.max(numbers[::_LINE])


def add_lines(left: Any, right: Any) -> None:
    """Add one number of each cache line of one array to another."""
    np.add(left[::_LINE], right[::_LINE], out=left[::_LINE])


def add_fourths(left: Any, right: Any) -> None:
    """Add every fourth number of one array to another."""
    np.add(left[::4], right[::4], out=left[::4])
