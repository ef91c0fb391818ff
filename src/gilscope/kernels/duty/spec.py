"""A probe that holds the GIL for a known time and releases it for a known time, in C code.

A single worker holds the GIL for ``hold / (hold + release)`` of the time; several wait for each other as soon as their
shares add up to more than one.
"""

from dataclasses import replace

from gilscope.kernels import _probe

KERNEL = replace(
    _probe.BARE,
    name="duty",
    summary="GIL held and released for known times",
    regime="known share of the GIL",
    sizes={
        "XS": {"items": 8, "hold_us": 50, "release_us": 50, "cycles": 2},
        "S": {"items": 48, "hold_us": 100, "release_us": 100, "cycles": 4},
        "M": {"items": 48, "hold_us": 500, "release_us": 500, "cycles": 4},
        "L": {"items": 96, "hold_us": 1_000, "release_us": 1_000, "cycles": 10},
    },
    impls=(_probe.CY_GIL,),
)
