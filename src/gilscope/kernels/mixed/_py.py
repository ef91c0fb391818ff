"""mixed in plain Python."""

from time import sleep

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Compute, then sleep, for each of items [lo, hi); return how many."""
    seconds, steps, last = params["sleep_us"] / 1e6, params["steps"], buffers["last"]
    for item in range(lo, hi):
        x = item
        for _ in range(steps):
            x = (x * 1_664_525 + 1_013_904_223) & 0xFFFF_FFFF  # Numerical Recipes
        last[item] = x
        sleep(seconds)
    return hi - lo
