"""A probe that only computes: what the machine gives right now to work that shares nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gilscope.spec import Buffers, BufferSpec, Impl, KernelSpec, Params, Slice, Work

__all__ = ["KERNEL"]

# Divisible into chunks for any usual number of workers, and so many that one more or less per chunk is below 2 %.
_ITEMS = 20_160


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    return (BufferSpec(name="last", format="Q", length=params["items"], role="output"),)


def _make_inputs(params: Params, buffers: Buffers) -> None:
    """Nothing to make."""


def _writes(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    return (("last", lo, hi),)


def _combine(params: Params, partials: Sequence[Any]) -> int:
    return sum(partials)


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    return None if result == params["items"] else f"{result} items were done, expected {params['items']}"


def _work(params: Params, result: Any) -> Work:
    return Work(units=params["items"] * params["steps"], unit="steps")


KERNEL = KernelSpec(
    name="spin",
    kind="probe",
    summary="arithmetic in registers, nothing shared",
    regime="compute",
    sizes={
        "XS": {"items": 64, "steps": 10},
        "S": {"items": _ITEMS, "steps": 100},
        "M": {"items": _ITEMS, "steps": 1_600},
        "L": {"items": _ITEMS, "steps": 16_000},
    },
    layout=_layout,
    make_inputs=_make_inputs,
    extent=lambda params: params["items"],
    writes=_writes,
    combine=_combine,
    # How many items were done is the answer: the fallback computes other numbers in the same time.
    outputs=lambda params: (),
    check=_check,
    work=_work,
    impls=(
        Impl(name="std_c", target="._std:std_c", gil="released"),
        Impl(name="cy_gil", target="._cy:cy_gil", gil="held"),
        Impl(name="cy_nogil", target="._cy:cy_nogil", gil="released"),
    ),
)
