"""spin with the standard library, where the compiled one is not built: hashing, which releases the GIL."""

from hashlib import pbkdf2_hmac

from gilscope.core.spec import Buffers, Params

_STEPS_PER_HASH = 160  # one iteration of PBKDF2-SHA256 takes about as long as so many steps of the compiled loop


def std_c(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Spin items [lo, hi), without the GIL; return how many."""
    iterations = max(1, (hi - lo) * params["steps"] // _STEPS_PER_HASH)
    pbkdf2_hmac("sha256", b"gilscope", b"spin", iterations)
    return hi - lo
