"""The STREAM triad ``a = b + 3 c``: limited by memory bandwidth."""

from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Work
from gilscope.kernels._inputs import fill_uniform, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, alike, read_digests

_NUMBER = 4
_BYTES_PER_ELEMENT = 24  # two loads and a store, as STREAM counts (McCalpin 1995): no write-allocate
_FLOPS_PER_ELEMENT = 2
_CHECKED = 1000  # elements that the check compares; the digest covers all


def _make_inputs(params: Params, buffers: Buffers) -> None:
    fill_uniform(buffers["b"], seed_of(_NUMBER, 1))
    fill_uniform(buffers["c"], seed_of(_NUMBER, 2))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    n = params["n"]
    a, b, c = buffers["a"], buffers["b"], buffers["c"]
    for i in range(0, n, max(1, n // _CHECKED)):
        if a[i] != b[i] + 3.0 * c[i]:
            return f"a[{i}] is {a[i]!r}, expected {b[i] + 3.0 * c[i]!r}"
    return None


def _work(params: Params, result: Any) -> Work:
    n = params["n"]
    return Work(units=_BYTES_PER_ELEMENT * n, unit="bytes", flops=_FLOPS_PER_ELEMENT * n, bytes=_BYTES_PER_ELEMENT * n)


KERNEL = KernelSpec(
    name="triad",
    summary="a = b + 3 c over long arrays (STREAM)",
    regime="memory bandwidth",
    sizes={"XS": {"n": 1_000}, "S": {"n": 1_000_000}, "M": {"n": 20_000_000}, "L": {"n": 50_000_000}},
    layout=lambda params: alike("d", params["n"], a="output", b="input", c="input"),
    make_inputs=_make_inputs,
    extent=lambda params: params["n"],
    reads=lambda params, phase, lo, hi: (("b", lo, hi), ("c", lo, hi)),
    writes=lambda params, phase, lo, hi: (("a", lo, hi),),
    outputs=lambda params: (("a", 0, params["n"]),),
    check=_check,
    work=_work,
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
