"""mandelbrot in Numba: the loop of the Cython variants, 32 pixels at a time."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, flat, inlined, own_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 32
_BURST = 4  # iterations between two checks whether any lane is still inside


@inlined
def _advance(zr: Any, zi: Any, inside: Any, n: Any, cr: Any, ci: float, steps: int) -> None:
    """Iterate all lanes; a lane that has left the disk keeps computing, but no longer counts."""
    # A fixed number of steps is unrolled, and LLVM then vectorises the loop over lanes with the state in registers.
    for lane in range(_LANES):
        lane_zr, lane_zi, lane_inside, lane_n, lane_cr = zr[lane], zi[lane], inside[lane], n[lane], cr[lane]
        for _ in range(steps):
            zr2 = lane_zr * lane_zr
            zi2 = lane_zi * lane_zi
            lane_inside = lane_inside if zr2 + zi2 <= 4.0 else 0.0  # NaN, after overflow, counts as outside
            lane_n += lane_inside
            lane_zi = 2.0 * lane_zr * lane_zi + ci
            lane_zr = zr2 - zi2 + lane_cr
        zr[lane], zi[lane], inside[lane], n[lane] = lane_zr, lane_zi, lane_inside, lane_n


@inlined
def _row(counts: Any, y: int, w: int, h: int, max_iter: int) -> int:
    """Fill row y of counts, shape (h, w); return the sum of its counts."""
    zr, zi, cr = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    inside, n = np.empty(_LANES), np.empty(_LANES)  # doubles, 1 or 0 and whole: one vector width for all the state
    ci = -1.25 + 2.5 * (y + 0.5) / h
    total = 0
    for x in range(0, w, _LANES):
        for lane in range(_LANES):
            cr[lane] = -2.0 + 2.5 * (x + lane + 0.5) / w
            zr[lane], zi[lane], inside[lane], n[lane] = 0.0, 0.0, 1.0, 0.0
        done = 0
        lanes_inside = float(_LANES)
        while lanes_inside > 0.0 and done + _BURST <= max_iter:
            _advance(zr, zi, inside, n, cr, ci, _BURST)
            done += _BURST
            lanes_inside = inside.sum()
        if lanes_inside > 0.0:
            _advance(zr, zi, inside, n, cr, ci, max_iter - done)
        for lane in range(min(_LANES, w - x)):
            counts[y * w + x + lane] = np.int32(n[lane])
            total += int(n[lane])
    return total


@inlined
def _rows(counts: Any, w: int, h: int, max_iter: int, lo: int, hi: int) -> int:
    """Fill rows [lo, hi); return the sum of their counts."""
    total = 0
    for y in range(lo, hi):
        total += _row(counts, y, w, h, max_iter)
    return total


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    w, h = params["w"], params["h"]
    return flat(buffers, "counts", np.int32, w * h), w, h, params["max_iter"]


nb_gil, nb_nogil = chunked(_rows, _arguments, lambda params: params["h"])


@own_threads(_arguments)
def nb_prange(counts: Any, w: int, h: int, max_iter: int, workers: int) -> int:
    """All rows. They differ in cost: thread t takes rows t, t + workers, ... instead of a contiguous share."""
    total = 0
    for thread in numba.prange(workers):
        for y in range(thread, h, workers):
            total += _row(counts, y, w, h, max_iter)
    return total
