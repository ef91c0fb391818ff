"""gemm by BLAS: chunk by chunk on the caller's thread, or all at once on BLAS's own threads."""

from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from gilscope.core.spec import Buffers, Params


@cache
def _set_threads(workers: int) -> None:
    """Limit BLAS in this process to so many threads; the last one to ask wins.

    Not undone after each call: another thread may be inside BLAS, and would get the limit of the one that left last.
    """
    _set_threads.cache_clear()
    ThreadpoolController().select(user_api="blas").limit(limits=workers)


def _matrices(params: Params, buffers: Buffers) -> tuple[Any, Any, Any]:
    n = params["n"]
    a, b, c = (np.frombuffer(buffers[name])[: n * n].reshape(n, n) for name in "abc")
    return a, b, c


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi) of C with BLAS limited to the calling thread."""
    _set_threads(1)
    a, b, c = _matrices(params, buffers)
    np.matmul(a[lo:hi], b, out=c[lo:hi])


def np_blas(workers: int, params: Params, buffers: Buffers) -> None:
    """Compute C with BLAS on its own threads; ValueError if ``workers`` is below one."""
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    _set_threads(workers)
    a, b, c = _matrices(params, buffers)
    np.matmul(a, b, out=c)
