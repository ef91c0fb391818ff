"""jacobi2d in NumPy: a block of whole rows at a time as one flat array, of which the border is thrown away."""

import numpy as np

from gilscope.core.spec import Buffers, Params

# Cells per block: the running sums, 256 KiB, stay in the second-level cache. They are one aligned, contiguous array;
# the inner cells of the planes are rows at odd places, on which NumPy is three times slower.
_CELLS = 32768


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Relax inner rows [lo, hi) once."""
    n = params["n"]
    cells = n * n
    planes = np.frombuffer(buffers["planes"])
    old, new = (planes[cells : 2 * cells], planes[:cells]) if phase % 2 else (planes[:cells], planes[cells : 2 * cells])
    rows = max(1, _CELLS // max(1, n))
    scratch = np.empty((rows, n))
    for first in range(lo + 1, hi + 1, rows):
        last = min(first + rows, hi + 1)
        sums = scratch[: last - first]
        inner = sums.reshape(-1)[1:-1]  # from the first inner cell to the last one, borders between rows included
        here, there = first * n + 1, last * n - 1
        np.add(old[here:there], old[here - 1 : there - 1], out=inner)
        inner += old[here + 1 : there + 1]
        inner += old[here - n : there - n]
        inner += old[here + n : there + n]
        inner *= 0.2
        new[first * n : last * n].reshape(-1, n)[:, 1:-1] = sums[:, 1:-1]
