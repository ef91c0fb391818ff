"""sleep in plain Python."""

from time import sleep

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Sleep once for each of items [lo, hi); return how many."""
    seconds = params["sleep_us"] / 1e6
    for _ in range(lo, hi):
        sleep(seconds)
    return hi - lo
