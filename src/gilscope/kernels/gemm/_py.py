"""gemm in plain Python."""

from array import array
from operator import mul

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi) of C."""
    n, a, c = params["n"], buffers["a"], buffers["c"]
    b = buffers["b"].tolist()
    columns = [b[j::n] for j in range(n)]
    for i in range(lo, hi):
        row = a[i * n : (i + 1) * n].tolist()
        c[i * n : (i + 1) * n] = array("d", [sum(map(mul, row, column)) for column in columns])
