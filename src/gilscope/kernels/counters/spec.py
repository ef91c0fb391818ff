"""A probe of false sharing: every item increments a cell of its own, many times.

The cells are adjacent, eight to a cache line of 64 bytes, and neighbouring items are in different lines, so the chunks
of all workers share all lines. The probe ``counters_padded`` does the same without sharing.
"""

from dataclasses import replace
from typing import Any

from gilscope.core.spec import Buffers, Params, Slice, Work
from gilscope.kernels import _probe
from gilscope.kernels._parts import alike

_PER_LINE = 8


def cell(item: int, params: Params) -> int:
    """Return the index of an item's cell: columns of an 8 x 8 square, so that neighbours are in different lines."""
    return (item % _PER_LINE * _PER_LINE + item // _PER_LINE) * params["stride"]


def _reset(params: Params, buffers: Buffers) -> None:
    buffers["cells"].cast("B")[:] = bytes(buffers["cells"].nbytes)


def _cells(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    return tuple(("cells", cell(item, params), cell(item, params) + 1) for item in range(lo, hi))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    for item in range(params["items"]):
        count = buffers["cells"][cell(item, params)]
        if count != params["increments"]:
            return f"cell of item {item} holds {count}, expected {params['increments']}"
    return _probe.check(params, buffers, result)


def _size(increments: int) -> dict[str, int]:
    return {"items": 64, "increments": increments, "stride": 1}


KERNEL = replace(
    _probe.BARE,
    name="counters",
    summary="counters in shared cache lines",
    regime="false sharing",
    sizes={"XS": _size(5), "S": _size(10_000), "M": _size(300_000), "L": _size(3_000_000)},
    layout=lambda params: alike("q", params["items"] * params["stride"], cells="state"),
    reads=_cells,
    writes=_cells,
    reset=_reset,
    check=_check,
    work=lambda params, result: Work(units=params["items"] * params["increments"], unit="increments"),
    impls=(_probe.CY_GIL, _probe.CY_NOGIL),
)
