"""triad in NumPy: block by block, so that the product is added while it is in the cache."""

import numpy as np

from gilscope.core.spec import Buffers, Params

_BLOCK = 32768  # elements: 256 KiB of each array


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute elements [lo, hi)."""
    a, b, c = (np.frombuffer(buffers[name]) for name in "abc")
    for first in range(lo, hi, _BLOCK):
        block = slice(first, min(first + _BLOCK, hi))
        np.multiply(c[block], 3.0, out=a[block])
        np.add(b[block], a[block], out=a[block])
