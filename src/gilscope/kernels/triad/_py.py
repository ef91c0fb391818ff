"""triad in plain Python."""

from array import array

from gilscope.core.spec import Buffers, Params

_PIECE = 65536  # elements at a time: the floats of one piece stay in the caches


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute elements [lo, hi)."""
    a, b, c = buffers["a"], buffers["b"], buffers["c"]
    for first in range(lo, hi, _PIECE):
        last = min(first + _PIECE, hi)
        pairs = zip(b[first:last].tolist(), c[first:last].tolist(), strict=True)
        a[first:last] = array("d", [x + 3.0 * y for x, y in pairs])
