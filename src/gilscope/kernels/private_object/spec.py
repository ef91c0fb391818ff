"""The counterpart of ``shared_object``: the same byte code on an object of each call's own."""

from dataclasses import replace

from gilscope.kernels import shared_object
from gilscope.kernels.shared_object.spec import KERNEL as SHARED

KERNEL = replace(
    SHARED,
    name="private_object",
    summary="references to an object of each call's own",
    regime="nothing shared",
    sizes={size: {**params, "shared": 0} for size, params in SHARED.sizes.items()},
    impls=tuple(replace(impl, target=f"{shared_object.__name__}{impl.target}") for impl in SHARED.impls),
)
