"""Hits of a quarter disk by counter-based random points: nothing shared, nothing read."""

import math
from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, counted, read_digests

_FLOPS_PER_SAMPLE = 3
_SIGMAS = 5.0  # the points are fixed, so a right answer cannot fail by chance once it has passed


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    n, p = params["n"], math.pi / 4
    sigma = math.sqrt(n * p * (1.0 - p))
    if abs(result - n * p) > _SIGMAS * sigma:
        return f"{result} hits of {n}: more than {_SIGMAS:g} standard deviations from {n * p:.0f}"
    return None


KERNEL = KernelSpec(
    name="montecarlo_pi",
    summary="pi by random points in a quarter disk",
    regime="compute, embarrassingly parallel",
    sizes={"XS": {"n": 1_000}, "S": {"n": 200_000}, "M": {"n": 20_000_000}, "L": {"n": 200_000_000}},
    extent=lambda params: params["n"],
    combine=lambda params, partials: sum(partials),
    check=_check,
    work=lambda params, result: counted(params["n"], "samples", flops=_FLOPS_PER_SAMPLE),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
