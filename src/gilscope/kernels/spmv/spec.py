"""Sparse matrix times vector: irregular reads, and rows of power-law length, the longest first.

Compressed sparse rows; all values are small whole numbers, so sums are exact in any order.
"""

from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, KernelSpec, Params, Slice, Work
from gilscope.kernels._inputs import fill_bounded, fill_power_law_starts, fill_remainders, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, read_digests

_NUMBER = 6
_CHECKED_ROWS = 50


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    rows, nnz = params["rows"], params["nnz"]
    return (
        BufferSpec(name="y", format="d", length=rows, role="output"),
        BufferSpec(name="starts", format="q", length=rows + 1, role="input"),
        BufferSpec(name="columns", format="i", length=nnz, role="input"),
        BufferSpec(name="values", format="d", length=nnz, role="input"),
        BufferSpec(name="x", format="d", length=rows, role="input"),
    )


def _make_inputs(params: Params, buffers: Buffers) -> None:
    nnz = fill_power_law_starts(buffers["starts"], seed_of(_NUMBER, 0))
    if nnz != params["nnz"]:
        raise ValueError(f"spmv: {params['rows']} rows hold {nnz} values, the size says {params['nnz']}")
    if nnz:
        fill_remainders(buffers["columns"], seed_of(_NUMBER, 1), params["rows"])
    fill_bounded(buffers["values"], seed_of(_NUMBER, 2), 1, 9)
    fill_bounded(buffers["x"], seed_of(_NUMBER, 3), 0, 10)


def _reads(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    # Which values belong to the rows is known from the data only, so a chunk says it reads all of them.
    nnz = params["nnz"]
    return (("starts", lo, hi + 1), ("columns", 0, nnz), ("values", 0, nnz), ("x", 0, params["rows"]))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    rows = params["rows"]
    y, starts, columns, values, x = (buffers[name] for name in ("y", "starts", "columns", "values", "x"))
    for i in range(0, rows, max(1, rows // _CHECKED_ROWS)):
        expected = sum(values[k] * x[columns[k]] for k in range(starts[i], starts[i + 1]))
        if y[i] != expected:
            return f"row {i} gives {y[i]}, expected {expected}"
    return None


def _work(params: Params, result: Any) -> Work:
    nnz = params["nnz"]
    # Per item a value and its column; per row a start and a result. x is counted once.
    return Work(units=nnz, unit="multiply-adds", flops=2 * nnz, bytes=12 * nnz + 24 * params["rows"])


KERNEL = KernelSpec(
    name="spmv",
    summary="sparse matrix times vector, power-law rows",
    regime="irregular reads, uneven rows",
    sizes={
        "XS": {"rows": 100, "nnz": 1_877},
        "S": {"rows": 40_000, "nnz": 657_431},
        "M": {"rows": 1_000_000, "nnz": 16_458_741},
        "L": {"rows": 4_000_000, "nnz": 65_843_183},
    },
    layout=_layout,
    make_inputs=_make_inputs,
    extent=lambda params: params["rows"],
    reads=_reads,
    writes=lambda params, phase, lo, hi: (("y", lo, hi),),
    outputs=lambda params: (("y", 0, params["rows"]),),
    check=_check,
    work=_work,
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
