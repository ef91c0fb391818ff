"""mandelbrot in Numba: the loop of the Cython variants, 32 or 40 pixels at a time."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_MASKED = ISA == "x86-64-v4"  # sums under a mask, and 32 registers instead of 16
_LANES = 32 if _MASKED else 40  # enough chains of operations in flight for both units that add
_BURST = 5 if _MASKED else 4  # iterations between two checks whether any lane is still inside
# Where in the state of a group its parts begin. One array at fixed distances, because LLVM need not compare addresses
# then; doubles throughout (n is whole), because all parts then have one vector width.
_ZR, _ZI, _CR, _N = (part * _LANES for part in range(4))


@inlined
def _step(state: Any, ci: float, two: float) -> None:
    """Iterate all lanes once; a lane that has left the disk never comes back, and counts no more (see core.pxd).

    ``two`` is an argument: LLVM turns a product with the constant into a sum, and adding is what limits this loop.
    """
    for lane in range(_LANES):
        zr, zi, cr, n = state[_ZR + lane], state[_ZI + lane], state[_CR + lane], state[_N + lane]
        zr2 = zr * zr
        zi2 = zi * zi
        inside = zr2 + zi2 <= 4.0  # NaN, after overflow, counts as outside
        if _MASKED:
            n = n + 1.0 if inside else n
        else:
            n += 1.0 if inside else 0.0
        zi = two * zr * zi + ci
        zr = zr2 - zi2 + cr
        state[_ZR + lane], state[_ZI + lane], state[_N + lane] = zr, zi, n


@inlined
def _row(counts: Any, y: int, w: int, h: int, max_iter: int, two: float) -> int:
    """Fill row y of counts, shape (h, w); return the sum of its counts."""
    state = np.empty(4 * _LANES)
    ci = -1.25 + 2.5 * (y + 0.5) / h
    total = 0
    for x in range(0, w, _LANES):
        for lane in range(_LANES):
            state[_CR + lane] = -2.0 + 2.5 * (x + lane + 0.5) / w
            state[_ZR + lane], state[_ZI + lane], state[_N + lane] = 0.0, 0.0, 0.0
        done, inside = 0, np.int64(1)
        while inside and done + _BURST <= max_iter:
            for _ in range(_BURST):
                _step(state, ci, two)
            done += _BURST
            counted = float(done)
            inside = np.int64(0)
            for lane in range(_LANES):  # here, because a call would store and load the state of all lanes
                inside |= np.int64(state[_N + lane] == counted)
        if inside:
            for _ in range(done, max_iter):
                _step(state, ci, two)
        for lane in range(min(_LANES, w - x)):
            counts[y * w + x + lane] = np.int32(state[_N + lane])
            total += int(state[_N + lane])
    return total


@inlined
def _rows(counts: Any, w: int, h: int, max_iter: int, two: float, lo: int, hi: int) -> int:
    """Fill rows [lo, hi); return the sum of their counts."""
    total = 0
    for y in range(lo, hi):
        total += _row(counts, y, w, h, max_iter, two)
    return total


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    w, h = params["w"], params["h"]
    return view(buffers, "counts", np.int32, w * h), w, h, params["max_iter"], 2.0


nb_gil, nb_nogil = chunked(_rows, _arguments, lambda params: params["h"])


@own_threads(_arguments)
def nb_prange(counts: Any, w: int, h: int, max_iter: int, two: float, workers: int) -> int:
    """All rows. They differ in cost: thread t takes rows t, t + workers, ... instead of a contiguous share."""
    total = 0
    for thread in numba.prange(workers):
        for y in range(thread, h, workers):
            total += _row(counts, y, w, h, max_iter, two)
    return total
