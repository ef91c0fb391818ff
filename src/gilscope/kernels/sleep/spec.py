"""A probe that waits without computing: it scales to any number of workers, whatever the number of CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gilscope.spec import Buffers, BufferSpec, Impl, KernelSpec, Params, Work

__all__ = ["KERNEL"]


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    return ()


def _make_inputs(params: Params, buffers: Buffers) -> None:
    """Nothing to make."""


def _combine(params: Params, partials: Sequence[Any]) -> int:
    return sum(partials)


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    return None if result == params["items"] else f"{result} items were done, expected {params['items']}"


def _work(params: Params, result: Any) -> Work:
    return Work(units=params["items"], unit="sleeps")


KERNEL = KernelSpec(
    name="sleep",
    kind="probe",
    summary="sleeping, nothing computed",
    regime="waiting",
    sizes={
        "XS": {"items": 8, "sleep_us": 100},
        "S": {"items": 16, "sleep_us": 1_000},
        "M": {"items": 48, "sleep_us": 2_000},
        "L": {"items": 48, "sleep_us": 20_000},
    },
    layout=_layout,
    make_inputs=_make_inputs,
    extent=lambda params: params["items"],
    combine=_combine,
    outputs=lambda params: (),
    check=_check,
    work=_work,
    impls=(Impl(name="py_loop", target="._py:py_loop", gil="released"),),
)
