"""nbody in Numba: blocks of bodies inside the loop over partners."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, flat, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 64  # LLVM vectorises the loop over lanes; 64 amortise the loads of the accumulators


@inlined
def _block(first: int, hi: int, old: Any, new: Any, velocities: Any, masses: Any) -> None:
    """Move bodies [first, min(first + _LANES, hi)); every body adds its partners in ascending order."""
    n = len(masses)
    count = min(_LANES, hi - first)
    x, y, z = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    ax, ay, az = np.zeros(_LANES), np.zeros(_LANES), np.zeros(_LANES)
    for lane in range(_LANES):
        i = min(first + lane, hi - 1)  # spare lanes of the last block repeat its last body
        x[lane], y[lane], z[lane] = old[i], old[n + i], old[2 * n + i]
    for j in range(n):
        xj, yj, zj, m = old[j], old[n + j], old[2 * n + j], masses[j]
        for lane in range(_LANES):
            dx = xj - x[lane]
            dy = yj - y[lane]
            dz = zj - z[lane]
            r2 = dx * dx + dy * dy + dz * dz + 1e-4
            f = m * (1.0 / (r2 * sqrt(r2)))
            ax[lane] += f * dx
            ay[lane] += f * dy
            az[lane] += f * dz
    for lane in range(count):
        i = first + lane
        velocities[i] += 1e-3 * ax[lane]
        velocities[n + i] += 1e-3 * ay[lane]
        velocities[2 * n + i] += 1e-3 * az[lane]
        new[i] = x[lane] + 1e-3 * velocities[i]
        new[n + i] = y[lane] + 1e-3 * velocities[n + i]
        new[2 * n + i] = z[lane] + 1e-3 * velocities[2 * n + i]


@gil
def _nb_gil(old: Any, new: Any, velocities: Any, masses: Any, lo: int, hi: int) -> None:
    for first in range(lo, hi, _LANES):
        _block(first, hi, old, new, velocities, masses)


@nogil
def _nb_nogil(old: Any, new: Any, velocities: Any, masses: Any, lo: int, hi: int) -> None:
    for first in range(lo, hi, _LANES):
        _block(first, hi, old, new, velocities, masses)


@parallel
def _nb_prange(old: Any, new: Any, velocities: Any, masses: Any) -> None:
    n = len(masses)
    for block in numba.prange((n + _LANES - 1) // _LANES):
        _block(block * _LANES, n, old, new, velocities, masses)


def _arrays(phase: int, params: Params, buffers: Buffers) -> tuple[Any, Any, Any, Any]:
    """Return the plane to read, the plane to write, velocities, masses; flat, axis by axis."""
    n = params["n"]
    planes = flat(buffers, "positions", np.float64, 6 * n)[: 6 * n].reshape(2, 3 * n)
    velocities, masses = flat(buffers, "velocities", np.float64, 3 * n), flat(buffers, "masses", np.float64, n)[:n]
    return planes[phase % 2], planes[(phase + 1) % 2], velocities, masses


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Move bodies [lo, hi) by one step, holding the GIL."""
    check_range(lo, hi, params["n"])
    _nb_gil(*_arrays(phase, params, buffers), lo, hi)


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Move bodies [lo, hi) by one step, without the GIL."""
    check_range(lo, hi, params["n"])
    _nb_nogil(*_arrays(phase, params, buffers), lo, hi)


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> None:
    """Do all steps on Numba's own threads."""
    use_threads(workers)
    for step in range(params["steps"]):
        _nb_prange(*_arrays(step, params, buffers))
