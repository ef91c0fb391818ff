"""jacobi2d in plain Python."""

from array import array

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Relax inner rows [lo, hi) once."""
    n, planes = params["n"], buffers["planes"]
    old, new = (n * n, 0) if phase % 2 else (0, n * n)
    rows = [planes[old + i * n : old + (i + 1) * n].tolist() for i in range(lo, hi + 2)]
    for i in range(lo, hi):
        north, here, south = rows[i - lo : i - lo + 3]
        neighbours = zip(here[1:-1], here, here[2:], north[1:], south[1:], strict=False)
        start = new + (i + 1) * n + 1
        planes[start : start + n - 2] = array("d", [0.2 * ((((c + w) + e) + a) + b) for c, w, e, a, b in neighbours])
