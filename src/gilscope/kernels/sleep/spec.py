"""A probe that waits without computing: it scales to any number of workers, whatever the number of CPUs."""

from dataclasses import replace

from gilscope.core.spec import Impl
from gilscope.kernels import _probe

KERNEL = replace(
    _probe.BARE,
    name="sleep",
    summary="sleeping, nothing computed",
    regime="waiting",
    sizes={
        "XS": {"items": 8, "sleep_us": 100},
        "S": {"items": 16, "sleep_us": 1_000},
        "M": {"items": 48, "sleep_us": 2_000},
        "L": {"items": 48, "sleep_us": 20_000},
    },
    impls=(Impl(name="py_loop", target="._py:py_loop", gil="released"),),
)
