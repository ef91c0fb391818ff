"""A probe that only computes: what the machine gives right now to work that shares nothing."""

import re
from dataclasses import replace

from gilscope.core.spec import Impl, Params, Work
from gilscope.kernels import _probe

_SIZE = re.compile(r"n(\d+)s(\d+)")


class _Sizes(dict[str, Params]):
    """The usual sizes, and any other as ``size_word`` writes it, for sweeps over the size of a task."""

    def __missing__(self, word: str) -> Params:
        match = _SIZE.fullmatch(word)
        if match is None:
            raise KeyError(word)
        return {"items": int(match[1]), "steps": int(match[2])}


def size_word(items: int, steps: int) -> str:
    """Return the size word of ``items`` items of ``steps`` steps each."""
    return f"n{items}s{steps}"


# How many items were done is the whole answer: the fallback computes other numbers in the same time.
KERNEL = replace(
    _probe.COMPUTING,
    name="spin",
    summary="arithmetic in registers, nothing shared",
    regime="compute",
    sizes=_Sizes(
        XS={"items": 64, "steps": 10},
        S={"items": _probe.ITEMS, "steps": 100},
        M={"items": _probe.ITEMS, "steps": 400},
        L={"items": _probe.ITEMS, "steps": 16_000},
    ),
    work=lambda params, result: Work(units=params["items"] * params["steps"], unit="steps"),
    impls=(
        Impl(name="std_c", target="._std:std_c", gil="released"),
        _probe.CY_GIL,
        _probe.CY_NOGIL,
        Impl(name="cy_prange", target="._cy_omp:cy_prange", gil="own_threads"),
        Impl(name="nb_prange", target="._nb:nb_prange", gil="own_threads", needs=("numba",)),
    ),
)
