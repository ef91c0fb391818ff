"""Counts of values in 256 bins: one private histogram per chunk, summed at the end."""

from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, KernelSpec, Params, Work
from gilscope.kernels._inputs import fill_uniform, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, read_digests

BINS = 256
_NUMBER = 7
_BYTES_PER_VALUE = 8


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    if not isinstance(result, list) or len(result) != BINS:
        return f"expected a list of {BINS} counts"
    return None if sum(result) == params["n"] else f"counts sum to {sum(result)}, expected {params['n']}"


def _work(params: Params, result: Any) -> Work:
    return Work(units=_BYTES_PER_VALUE * params["n"], unit="bytes", bytes=_BYTES_PER_VALUE * params["n"])


KERNEL = KernelSpec(
    name="histogram",
    summary="counts of values in 256 bins",
    regime="private reduction",
    sizes={"XS": {"n": 1_000}, "S": {"n": 500_000}, "M": {"n": 20_000_000}, "L": {"n": 100_000_000}},
    layout=lambda params: (BufferSpec(name="values", format="d", length=params["n"], role="input"),),
    make_inputs=lambda params, buffers: fill_uniform(buffers["values"], seed_of(_NUMBER, 0)),
    extent=lambda params: params["n"],
    reads=lambda params, phase, lo, hi: (("values", lo, hi),),
    combine=lambda params, partials: [sum(bin_) for bin_ in zip(*partials, strict=True)] if partials else [0] * BINS,
    check=_check,
    work=_work,
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
