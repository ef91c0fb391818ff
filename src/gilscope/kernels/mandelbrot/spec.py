"""Escape-time iterations of the Mandelbrot set: pure arithmetic, rows of uneven cost."""

from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, KernelSpec, Params
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, counted, read_digests

_FLOPS_PER_ITERATION = 8  # two squares, their sum and difference, + cr, 2 * zr * zi, + ci


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    counts = buffers["counts"]
    if sum(counts) != result:
        return f"counts sum to {sum(counts)}, the implementation says {result}"
    if not 0 <= min(counts) <= max(counts) <= params["max_iter"]:
        return f"counts range from {min(counts)} to {max(counts)}, not within 0 and {params['max_iter']}"
    return None


KERNEL = KernelSpec(
    name="mandelbrot",
    summary="escape-time iterations of the Mandelbrot set",
    regime="compute, uneven rows",
    sizes={
        "XS": {"w": 32, "h": 32, "max_iter": 50},
        "S": {"w": 160, "h": 160, "max_iter": 100},
        "M": {"w": 1000, "h": 1000, "max_iter": 200},
        "L": {"w": 2000, "h": 2000, "max_iter": 500},
    },
    layout=lambda params: (BufferSpec(name="counts", format="i", length=params["w"] * params["h"], role="output"),),
    extent=lambda params: params["h"],
    writes=lambda params, phase, lo, hi: (("counts", lo * params["w"], hi * params["w"]),),
    combine=lambda params, partials: sum(partials),
    outputs=lambda params: (("counts", 0, params["w"] * params["h"]),),
    check=_check,
    work=lambda params, result: counted(int(result), "iterations", flops=_FLOPS_PER_ITERATION),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
