"""Full binary trees of Python objects, built, counted and dropped: the allocator and reference counts.

The kernel exists for what Python objects cost, so there are only two implementations, and both hold the GIL.
"""

from dataclasses import replace
from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Work
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NUMBA, PY_LOOP, not_available, read_digests


def _nodes(params: Params) -> int:
    return params["trees"] * ((2 << params["depth"]) - 1)


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    return None if result == _nodes(params) else f"{result} nodes were counted, expected {_nodes(params)}"


KERNEL = KernelSpec(
    name="binary_trees",
    summary="building and counting trees of Python objects",
    regime="allocator, reference counts",
    sizes={
        "XS": {"trees": 2, "depth": 4},
        "S": {"trees": 8, "depth": 15},
        "M": {"trees": 32, "depth": 15},
        "L": {"trees": 32, "depth": 17},
    },
    extent=lambda params: params["trees"],
    combine=lambda params, partials: sum(partials),
    check=_check,
    work=lambda params, result: Work(units=_nodes(params), unit="nodes"),
    digests=read_digests(__file__),
    impls=(
        PY_LOOP,
        not_available("np_vec", "a tree of Python objects is no array"),
        NO_NP_BLAS,
        NO_STD_C,
        replace(CYTHON[0], size="S"),  # as much work per node as py_loop, so the same size
        *(not_available(impl.name, "Python objects cannot be made without the GIL") for impl in CYTHON[1:]),
        *(not_available(impl.name, "Numba compiles code without Python objects") for impl in NUMBA),
    ),
)
