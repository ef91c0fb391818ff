"""Five-point Jacobi sweeps over a square: memory bandwidth with a barrier after each sweep.

Double-buffered: two planes of shape (n, n), row by row; step k reads plane k % 2 and writes the other. The border of
both planes keeps its first values.
"""

from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, KernelSpec, Params, Slice, Work
from gilscope.kernels._inputs import fill_uniform, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, read_digests

_NUMBER = 5
_BYTES_PER_CELL = 16  # one load and one store per cell and sweep; neighbours come from the caches
_FLOPS_PER_CELL = 5


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    cells = params["n"] ** 2
    return (
        BufferSpec(name="planes", format="d", length=2 * cells, role="state"),
        BufferSpec(name="initial", format="d", length=cells, role="input"),
    )


def _reset(params: Params, buffers: Buffers) -> None:
    cells = params["n"] ** 2
    buffers["planes"][:cells] = buffers["initial"]
    buffers["planes"][cells:] = buffers["initial"]


def _reads(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    n = params["n"]
    plane = phase % 2 * n * n
    return (("planes", plane + lo * n, plane + (hi + 2) * n),)


def _writes(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    n = params["n"]
    plane = (phase + 1) % 2 * n * n
    # Row by row without the border: a neighbour's chunk must not get this chunk's copy of it.
    return tuple(("planes", plane + i * n + 1, plane + (i + 1) * n - 1) for i in range(lo + 1, hi + 1))


def _outputs(params: Params) -> tuple[Slice, ...]:
    cells = params["n"] ** 2
    plane = params["steps"] % 2 * cells
    return (("planes", plane, plane + cells),)


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    n = params["n"]
    plane = params["steps"] % 2 * n * n
    final, initial = buffers["planes"][plane : plane + n * n], buffers["initial"]
    edges = (slice(0, n), slice((n - 1) * n, n * n), slice(0, None, n), slice(n - 1, None, n))
    if any(final[edge].tolist() != initial[edge].tolist() for edge in edges):
        return "the border has changed"
    # A mean of five numbers lies between them, so no sweep leaves the range of the first values.
    row = final[n // 2 * n : (n // 2 + 1) * n]
    if not all(0.0 <= value < 1.0 for value in row):
        return "a cell of the middle row is not within the range of the first values"
    return None


def _work(params: Params, result: Any) -> Work:
    cells = max(0, params["n"] - 2) ** 2 * params["steps"]
    nbytes = _BYTES_PER_CELL * cells
    return Work(units=nbytes, unit="bytes", flops=_FLOPS_PER_CELL * cells, bytes=nbytes)


KERNEL = KernelSpec(
    name="jacobi2d",
    summary="five-point Jacobi sweeps over a square",
    regime="memory bandwidth, barrier each step",
    sizes={
        "XS": {"n": 16, "steps": 3},
        "S": {"n": 400, "steps": 5},
        "M": {"n": 2000, "steps": 20},
        "L": {"n": 4000, "steps": 50},
    },
    layout=_layout,
    make_inputs=lambda params, buffers: fill_uniform(buffers["initial"], seed_of(_NUMBER, 0)),
    phases=lambda params: params["steps"],
    extent=lambda params: max(0, params["n"] - 2),
    reads=_reads,
    writes=_writes,
    reset=_reset,
    outputs=_outputs,
    check=_check,
    work=_work,
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
