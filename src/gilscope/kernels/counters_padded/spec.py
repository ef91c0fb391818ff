"""The counterpart of ``counters``: the same increments in cells 128 bytes apart, so that no line is shared."""

from dataclasses import replace

from gilscope.kernels import counters
from gilscope.kernels.counters.spec import KERNEL as PACKED

_STRIDE = 16  # cells of 8 bytes: two lines, because prefetchers fetch pairs

KERNEL = replace(
    PACKED,
    name="counters_padded",
    summary="counters in separate cache lines",
    regime="nothing shared",
    sizes={size: {**params, "stride": _STRIDE} for size, params in PACKED.sizes.items()},
    impls=tuple(replace(impl, target=f"{counters.__name__}{impl.target}") for impl in PACKED.impls),
)
