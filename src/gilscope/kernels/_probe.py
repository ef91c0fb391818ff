"""What the specs of the probes have in common: the number of items done is the answer, and nothing is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, Impl, Params, Slice, Work

# Divisible into chunks for any usual number of workers, and so many that one more or less per chunk is below 2 %.
ITEMS = 20_160

# Probes scale by their parameters, so all implementations run at all sizes.
PY_LOOP = Impl(name="py_loop", target="._py:py_loop", gil="held")
CY_GIL = Impl(name="cy_gil", target="._cy:cy_gil", gil="held")
CY_NOGIL = Impl(name="cy_nogil", target="._cy:cy_nogil", gil="released")


def extent(params: Params) -> int:
    """Return the number of items."""
    return params["items"]


def combine(params: Params, partials: Sequence[Any]) -> int:
    """Return the number of items that were done."""
    return sum(partials)


def check(params: Params, buffers: Buffers, result: Any) -> str | None:
    """Complain if not all items were done."""
    return None if result == params["items"] else f"{result} items were done, expected {params['items']}"


def work(params: Params, result: Any) -> Work:
    """Count items."""
    return Work(units=params["items"], unit="items")


def last(params: Params) -> tuple[BufferSpec, ...]:
    """Lay out one word per item for what compiled loops computed, so that no compiler removes them."""
    return (BufferSpec(name="last", format="Q", length=params["items"], role="output"),)


def writes_last(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    """Return the words of a chunk's items."""
    return (("last", lo, hi),)
