"""nbody in NumPy: forces of a block of partners on all bodies of the chunk at once, added partner by partner."""

from typing import Any

import numpy as np

from gilscope.core.spec import Buffers, Params

_PAIRS = 32768  # per block of partners: 1.3 MiB of state


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Move bodies [lo, hi) by one step."""
    n = params["n"]
    planes = np.frombuffer(buffers["positions"])[: 6 * n].reshape(2, 3, n)
    old, new = planes[phase % 2], planes[(phase + 1) % 2]
    velocities = np.frombuffer(buffers["velocities"])[: 3 * n].reshape(3, n)
    masses = np.frombuffer(buffers["masses"])[:n]
    own = old[:, lo:hi]
    acceleration = np.zeros((3, hi - lo))
    partners = max(1, _PAIRS // max(1, hi - lo))
    scratch = np.empty((5, min(partners, n), hi - lo))  # no operation allocates a large block
    with np.errstate(invalid="ignore"):  # an infinite mass gives NaN, here as everywhere, but no warning
        for first in range(0, n, partners):
            others = old[:, first : first + partners]
            pull = _pull(others, own, masses[first : first + partners], scratch[:, : others.shape[1]])
            # One partner after the other, because the order of the sum is part of the definition. A reduction promises
            # no order, and accumulate() takes twice as long as the rest together.
            for j in range(pull.shape[1]):
                acceleration += pull[:, j]
    velocities[:, lo:hi] += 1e-3 * acceleration
    new[:, lo:hi] = own + 1e-3 * velocities[:, lo:hi]


def _pull(others: Any, own: Any, masses: Any, scratch: Any) -> Any:
    """Return the pull of partners, shape (3, partners), on bodies, shape (3, bodies): shape (3, partners, bodies)."""
    d, r2, f = scratch[:3], scratch[3], scratch[4]
    np.subtract(others[:, :, None], own[:, None, :], out=d)
    np.multiply(d[0], d[0], out=r2)
    for axis in (1, 2):
        np.multiply(d[axis], d[axis], out=f)
        r2 += f
    r2 += 1e-4
    np.sqrt(r2, out=f)
    f *= r2
    np.divide(1.0, f, out=f)
    f *= masses[:, None]
    d *= f
    return d
