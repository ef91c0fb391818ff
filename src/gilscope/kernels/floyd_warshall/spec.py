"""All shortest paths (Floyd 1962, Warshall 1962): cheap integer rows with a barrier for every node."""

from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Slice, Work
from gilscope.kernels._inputs import fill_bounded, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, alike, read_digests

_NUMBER = 8
_MAX_WEIGHT = 1000
_CHECKED_NODES = 5


def _make_inputs(params: Params, buffers: Buffers) -> None:
    n, weights = params["n"], buffers["weights"]
    fill_bounded(weights, seed_of(_NUMBER, 0), 1, _MAX_WEIGHT)
    for i in range(n):
        weights[i * n + i] = 0


def _reset(params: Params, buffers: Buffers) -> None:
    buffers["d"][:] = buffers["weights"]


def _reads(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    n = params["n"]
    return (("d", phase * n, (phase + 1) * n), ("d", lo * n, hi * n))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    """Look for a path that one more edge makes shorter, and for one longer than its edge."""
    n = params["n"]
    d, weights = buffers["d"].tolist(), buffers["weights"].tolist()
    if any(d[i * n + i] for i in range(n)):
        return "a node is not at distance zero from itself"
    if any(path > edge for path, edge in zip(d, weights, strict=True)):
        return "a path is longer than the edge between its ends"
    for i in range(0, n, max(1, n // _CHECKED_NODES)):
        for k in range(n):
            first = d[i * n + k]
            if any(d[i * n + j] > first + edge for j, edge in enumerate(weights[k * n : (k + 1) * n])):
                return f"a path from node {i} is longer than one over node {k}"
    return None


KERNEL = KernelSpec(
    name="floyd_warshall",
    summary="shortest paths between all nodes",
    regime="integers, barrier for every node",
    sizes={"XS": {"n": 12}, "S": {"n": 112}, "M": {"n": 600}, "L": {"n": 1200}},
    layout=lambda params: alike("i", params["n"] ** 2, d="state", weights="input"),
    make_inputs=_make_inputs,
    phases=lambda params: params["n"],
    extent=lambda params: params["n"],
    reads=_reads,
    writes=lambda params, phase, lo, hi: (("d", lo * params["n"], hi * params["n"]),),
    reset=_reset,
    outputs=lambda params: (("d", 0, params["n"] ** 2),),
    check=_check,
    work=lambda params, result: Work(units=params["n"] ** 3, unit="relaxations"),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
