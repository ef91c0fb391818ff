"""nbody in NumPy: forces of a block of partners on all bodies of the chunk at once, added partner by partner."""

from __future__ import annotations

from typing import Any

import numpy as np

from gilscope.spec import Buffers, Params

__all__ = ["np_vec"]

_PAIRS = 16384  # per block of partners: the arrays of one block stay in the second-level cache


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Move bodies [lo, hi) by one step."""
    n = params["n"]
    planes = np.frombuffer(buffers["positions"]).reshape(2, 3, n)
    old, new = planes[phase % 2], planes[(phase + 1) % 2]
    velocities = np.frombuffer(buffers["velocities"]).reshape(3, n)
    masses = np.frombuffer(buffers["masses"])
    own = old[:, lo:hi]
    acceleration = np.zeros((3, hi - lo))
    partners = max(1, _PAIRS // max(1, hi - lo))
    for first in range(0, n, partners):
        with np.errstate(invalid="ignore"):  # an infinite mass gives NaN, here as everywhere, but no warning
            pull = _pull(old[:, first : first + partners], own, masses[first : first + partners])
        # One partner after the other: the order of the sum is part of the definition.
        for j in range(pull.shape[1]):
            acceleration += pull[:, j]
    velocities[:, lo:hi] += 1e-3 * acceleration
    new[:, lo:hi] = own + 1e-3 * velocities[:, lo:hi]


def _pull(partners: Any, own: Any, masses: Any) -> Any:
    """Return the pull of partners, shape (3, partners), on bodies, shape (3, bodies): shape (3, partners, bodies)."""
    d = partners[:, :, None] - own[:, None, :]
    squares = d * d
    r2 = squares[0]
    r2 += squares[1]
    r2 += squares[2]
    r2 += 1e-4
    f = np.sqrt(r2)
    f *= r2
    np.divide(1.0, f, out=f)
    f *= masses[:, None]
    d *= f
    return d
