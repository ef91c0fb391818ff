"""mandelbrot in NumPy: whole rows at once, points that have left are taken out now and then."""

from typing import Any

import numpy as np

from gilscope.core.spec import Buffers, Params

# Points per batch. Short operations do not scale: between two of them a thread needs the GIL for a moment, and may wait
# for it far longer than that. Long ones leave the second-level cache.
_POINTS = 32768
_BURST = 10  # iterations between two removals of the points that have left


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Count the iterations of rows [lo, hi); return their sum."""
    w, h, max_iter = params["w"], params["h"], params["max_iter"]
    counts = np.frombuffer(buffers["counts"], dtype=np.int32)[lo * w : hi * w]
    cr_row = -2.0 + 2.5 * (np.arange(w) + 0.5) / w
    ci_column = -1.25 + 2.5 * (np.arange(lo, hi) + 0.5) / h
    rows = max(1, _POINTS // w)
    total = 0
    for first in range(0, hi - lo, rows):
        ci = ci_column[first : first + rows]
        batch = _escape(np.tile(cr_row, len(ci)), np.repeat(ci, w), max_iter)
        counts[first * w : first * w + len(batch)] = batch
        total += int(batch.sum())
    return total


def _escape(cr: Any, ci: Any, max_iter: int) -> Any:
    """Return the counts of points c, shape (points,), int32."""
    counts = np.zeros(len(cr), dtype=np.int32)
    where = np.arange(len(cr))
    zr, zi = np.zeros_like(cr), np.zeros_like(ci)
    scratch = np.empty((3, len(cr)))  # no operation allocates: large blocks would come from the system each time
    for first in range(0, max_iter, _BURST):
        n = np.zeros(len(cr), dtype=np.uint8)
        inside = np.ones(len(cr), dtype=bool)
        # A point that has left is computed on until the burst ends, and may overflow; it no longer counts.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(min(_BURST, max_iter - first)):
                _iterate(zr, zi, cr, ci, inside, n, scratch[:, : len(cr)])
        counts[where] += n
        if not inside.all():
            where, cr, ci, zr, zi = where[inside], cr[inside], ci[inside], zr[inside], zi[inside]
            if not len(where):
                break
    return counts


def _iterate(zr: Any, zi: Any, cr: Any, ci: Any, inside: Any, n: Any, scratch: Any) -> None:
    """Do one iteration of all points in place; scratch has shape (3, points)."""
    zr2, zi2, other = scratch
    np.multiply(zr, zr, out=zr2)
    np.multiply(zi, zi, out=zi2)
    np.add(zr2, zi2, out=other)
    inside &= other <= 4.0
    n += inside
    np.multiply(zr, 2.0, out=other)
    other *= zi
    np.add(other, ci, out=zi)
    np.subtract(zr2, zi2, out=zr)
    zr += cr
