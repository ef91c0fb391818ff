"""montecarlo_pi in plain Python."""

from gilscope.core.spec import Buffers, Params

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GAMMA = 0x9E3779B97F4A7C15
_SCALE = 2.0**-53


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Count the hits among samples [lo, hi)."""
    mask, scale, mul1, mul2 = _MASK, _SCALE, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
    hits = 0
    # splitmix64 (gilscope.kernels._inputs) written out: a call per number would take half of the time.
    for i in range(2 * lo + 1, 2 * hi + 1, 2):
        z = i * _GAMMA & mask
        z = (z ^ z >> 30) * mul1 & mask
        z = (z ^ z >> 27) * mul2 & mask
        x = ((z ^ z >> 31) >> 11) * scale
        z = (i + 1) * _GAMMA & mask
        z = (z ^ z >> 30) * mul1 & mask
        z = (z ^ z >> 27) * mul2 & mask
        y = ((z ^ z >> 31) >> 11) * scale
        if x * x + y * y <= 1.0:
            hits += 1
    return hits
