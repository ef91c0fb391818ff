"""mandelbrot in Numba: the loop of the Cython variants, 32 or 16 pixels at a time."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, flat, inlined, own_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 32 if ISA == "x86-64-v4" else 16  # so many that their state fits in the registers: there are 32 or 16
_QUARTER = _LANES // 4
_BURST = 4  # iterations between two checks whether any lane is still inside
# Where in the state of a group its parts begin. One array at fixed distances, because LLVM need not compare addresses
# then; doubles throughout (inside is 1 or 0, n whole), because all parts then have one vector width.
_ZR, _ZI, _CR, _INSIDE, _N = (part * _LANES for part in range(5))


@inlined
def _step(state: Any, ci: float) -> None:
    """Iterate all lanes once; a lane that has left the disk keeps computing, but no longer counts."""
    for lane in range(_LANES):
        zr, zi, inside, n = state[_ZR + lane], state[_ZI + lane], state[_INSIDE + lane], state[_N + lane]
        cr = state[_CR + lane]
        zr2 = zr * zr
        zi2 = zi * zi
        inside = inside if zr2 + zi2 <= 4.0 else 0.0  # NaN, after overflow, counts as outside
        n += inside
        zi = 2.0 * zr * zi + ci
        zr = zr2 - zi2 + cr
        state[_ZR + lane], state[_ZI + lane], state[_INSIDE + lane], state[_N + lane] = zr, zi, inside, n


@inlined
def _lanes_inside(state: Any) -> int:
    """Count the lanes that are still inside; four quarters at once, because a sum of doubles has an order to keep."""
    left = 0.0
    for i in range(_INSIDE, _INSIDE + _QUARTER):
        left += (state[i] + state[i + _QUARTER]) + (state[i + 2 * _QUARTER] + state[i + 3 * _QUARTER])
    return int(left)


@inlined
def _row(counts: Any, y: int, w: int, h: int, max_iter: int) -> int:
    """Fill row y of counts, shape (h, w); return the sum of its counts."""
    state = np.empty(5 * _LANES)
    ci = -1.25 + 2.5 * (y + 0.5) / h
    total = 0
    for x in range(0, w, _LANES):
        for lane in range(_LANES):
            state[_CR + lane] = -2.0 + 2.5 * (x + lane + 0.5) / w
            state[_ZR + lane], state[_ZI + lane], state[_INSIDE + lane], state[_N + lane] = 0.0, 0.0, 1.0, 0.0
        done = 0
        lanes_inside = _LANES
        while lanes_inside and done + _BURST <= max_iter:
            for _ in range(_BURST):
                _step(state, ci)
            done += _BURST
            lanes_inside = _lanes_inside(state)
        if lanes_inside:
            for _ in range(done, max_iter):
                _step(state, ci)
        for lane in range(min(_LANES, w - x)):
            counts[y * w + x + lane] = np.int32(state[_N + lane])
            total += int(state[_N + lane])
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
