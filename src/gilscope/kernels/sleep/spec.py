"""A probe that waits without computing: it scales to any number of workers, whatever the number of CPUs."""

from __future__ import annotations

from gilscope.core.spec import Impl, KernelSpec
from gilscope.kernels import _probe

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
    extent=_probe.extent,
    combine=_probe.combine,
    check=_probe.check,
    work=_probe.work,
    impls=(Impl(name="py_loop", target="._py:py_loop", gil="released"),),
)
