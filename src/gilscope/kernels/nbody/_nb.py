"""nbody in Numba: blocks of bodies inside the loop over partners."""

from math import sqrt
from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 64  # LLVM vectorises the loop over lanes; 64 amortise the loads of the accumulators
# Where in the state of a block its parts begin: places, then accelerations. One array at fixed distances, because LLVM
# need not compare addresses then.
_X, _Y, _Z, _AX, _AY, _AZ = (part * _LANES for part in range(6))


@inlined
def _block(first: int, hi: int, old: Any, new: Any, velocities: Any, masses: Any) -> None:
    """Move bodies [first, min(first + _LANES, hi)); every body adds its partners in ascending order."""
    n = len(masses)
    count = min(_LANES, hi - first)
    state = np.zeros(6 * _LANES)
    for lane in range(_LANES):
        i = min(first + lane, hi - 1)  # spare lanes of the last block repeat its last body
        state[_X + lane], state[_Y + lane], state[_Z + lane] = old[i], old[n + i], old[2 * n + i]
    for j in range(n):
        xj, yj, zj, m = old[j], old[n + j], old[2 * n + j], masses[j]
        for lane in range(_LANES):
            dx = xj - state[_X + lane]
            dy = yj - state[_Y + lane]
            dz = zj - state[_Z + lane]
            r2 = dx * dx + dy * dy + dz * dz + 1e-4
            f = m * (1.0 / (r2 * sqrt(r2)))
            state[_AX + lane] += f * dx
            state[_AY + lane] += f * dy
            state[_AZ + lane] += f * dz
    for lane in range(count):
        i = first + lane
        velocities[i] += 1e-3 * state[_AX + lane]
        velocities[n + i] += 1e-3 * state[_AY + lane]
        velocities[2 * n + i] += 1e-3 * state[_AZ + lane]
        new[i] = state[_X + lane] + 1e-3 * velocities[i]
        new[n + i] = state[_Y + lane] + 1e-3 * velocities[n + i]
        new[2 * n + i] = state[_Z + lane] + 1e-3 * velocities[2 * n + i]


@inlined
def _bodies(old: Any, new: Any, velocities: Any, masses: Any, lo: int, hi: int) -> None:
    """Move bodies [lo, hi) by one step."""
    for first in range(lo, hi, _LANES):
        _block(first, hi, old, new, velocities, masses)


def _arrays(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    """Return the plane to read, the plane to write, velocities, masses; flat, axis by axis."""
    n = params["n"]
    planes = view(buffers, "positions", np.float64, 2, 3 * n)
    velocities, masses = view(buffers, "velocities", np.float64, 3 * n), view(buffers, "masses", np.float64, n)
    return planes[phase % 2], planes[(phase + 1) % 2], velocities, masses


nb_gil, nb_nogil = chunked(_bodies, _arrays, lambda params: params["n"])


@own_threads(_arrays, phases=lambda params: params["steps"])
def nb_prange(old: Any, new: Any, velocities: Any, masses: Any, workers: int) -> None:
    """Move all bodies by one step, block by block."""
    n = len(masses)
    for block in numba.prange((n + _LANES - 1) // _LANES):
        _block(block * _LANES, n, old, new, velocities, masses)
