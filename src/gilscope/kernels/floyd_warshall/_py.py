"""floyd_warshall in plain Python."""

from array import array

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Shorten the paths from nodes [lo, hi) over node ``phase``."""
    n, d, k = params["n"], buffers["d"], phase
    over = d[k * n : (k + 1) * n].tolist()
    for i in range(lo, hi):
        if i != k:  # its row stays as it is: the distance from k to k is zero
            own = d[i * n : (i + 1) * n].tolist()
            first = own[k]
            paths = zip(own, over, strict=True)
            d[i * n : (i + 1) * n] = array("i", [old if old < first + more else first + more for old, more in paths])
