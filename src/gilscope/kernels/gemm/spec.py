"""Matrix product: reuse of data in the caches, and what BLAS makes of it.

The factors hold small whole numbers, so sums are exact in any order and BLAS can be compared to the bit.
"""

from typing import Any

from gilscope.core.spec import Buffers, Impl, KernelSpec, Params
from gilscope.kernels._inputs import fill_bounded, seed_of
from gilscope.kernels._parts import CYTHON, NO_STD_C, NUMBA, PY_LOOP, alike, counted, read_digests

_NUMBER = 3
_DISTINCT = 11  # factors hold 0..10
_BLAS = ("numpy", "threadpoolctl")


def _make_inputs(params: Params, buffers: Buffers) -> None:
    fill_bounded(buffers["a"], seed_of(_NUMBER, 1), 0, _DISTINCT)
    fill_bounded(buffers["b"], seed_of(_NUMBER, 2), 0, _DISTINCT)


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    """Compare the sum over each column of C with (column sums of A) times B (Freivalds' test with all ones)."""
    n = params["n"]
    a, b, c = (buffers[name] for name in "abc")
    weights = [sum(a[k::n]) for k in range(n)]
    for j in range(0, n, max(1, n // 16)):
        expected = sum(w * x for w, x in zip(weights, b[j::n], strict=True))
        if sum(c[j::n]) != expected:
            return f"column {j} of the product sums to {sum(c[j::n])}, expected {expected}"
    return None


KERNEL = KernelSpec(
    name="gemm",
    summary="product of two square matrices",
    regime="caches",
    sizes={"XS": {"n": 16}, "S": {"n": 128}, "M": {"n": 512}, "L": {"n": 1024}},
    layout=lambda params: alike("d", params["n"] ** 2, c="output", a="input", b="input"),
    make_inputs=_make_inputs,
    extent=lambda params: params["n"],
    reads=lambda params, phase, lo, hi: (("a", lo * params["n"], hi * params["n"]), ("b", 0, params["n"] ** 2)),
    writes=lambda params, phase, lo, hi: (("c", lo * params["n"], hi * params["n"]),),
    outputs=lambda params: (("c", 0, params["n"] ** 2),),
    check=_check,
    work=lambda params, result: counted(params["n"] ** 3, "multiply-adds", flops=2),
    digests=read_digests(__file__),
    impls=(
        PY_LOOP,
        Impl(name="np_vec", target="._np:np_vec", gil="released", needs=_BLAS),
        Impl(name="np_blas", target="._np:np_blas", gil="own_threads", needs=_BLAS),
        NO_STD_C,
        *CYTHON,
        *NUMBA,
    ),
)
