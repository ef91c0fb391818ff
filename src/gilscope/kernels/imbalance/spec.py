"""A probe whose items cost more and more: known imbalance.

Item i of n does ``1 + spread * i / n`` times the work of the first, so with one chunk per worker, worker i of p does
about ``1 + spread * (i + 0.5) / p`` times as much.
"""

from dataclasses import replace

from gilscope.kernels import _probe

KERNEL = replace(
    _probe.COMPUTING,
    name="imbalance",
    summary="work that grows from item to item",
    regime="imbalance",
    sizes={
        "XS": {"items": 64, "steps": 10, "spread_percent": 200},
        "S": {"items": _probe.ITEMS, "steps": 50, "spread_percent": 200},
        "M": {"items": _probe.ITEMS, "steps": 800, "spread_percent": 200},
        "L": {"items": _probe.ITEMS, "steps": 8_000, "spread_percent": 200},
    },
    impls=(_probe.CY_GIL, _probe.CY_NOGIL),
)
