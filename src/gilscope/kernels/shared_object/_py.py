"""shared_object in plain Python."""

from gilscope.core.spec import Buffers, Params

_REFERENCES = 1_000  # in the list that is walked; the list is private to each call
_SHARED = object()  # not immortal, unlike numbers and None: its references are counted


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Take and drop ``references`` references for each of items [lo, hi); return how many items."""
    references = [_SHARED if params["shared"] else object()] * _REFERENCES
    passes, rest = divmod(params["references"], _REFERENCES)
    for _ in range(lo, hi):
        for _ in range(passes):
            for _reference in references:
                pass
        for _reference in references[:rest]:
            pass
    return hi - lo
