"""A probe that computes, then sleeps, in turns: the convoy effect.

A thread that wakes up must get the GIL back from a thread that computes; while that one runs byte code it takes a
switch interval (5 ms), and while it holds the GIL in C code until it is done.
"""

from dataclasses import replace

from gilscope.kernels import _probe

KERNEL = replace(
    _probe.COMPUTING,
    name="mixed",
    summary="computing and sleeping in turns",
    regime="convoy",
    sizes={
        "XS": {"items": 8, "steps": 100, "sleep_us": 100},
        "S": {"items": 48, "steps": 2_000, "sleep_us": 200},
        "M": {"items": 48, "steps": 20_000, "sleep_us": 1_000},
        "L": {"items": 96, "steps": 200_000, "sleep_us": 5_000},
    },
    impls=(_probe.PY_LOOP, _probe.CY_GIL, _probe.CY_NOGIL),
)
