"""How all Numba implementations are compiled.

Each variant is its own ``def`` that calls a core marked ``inlined``: Numba's on-disk cache tells functions
apart by name and source, not by the ``nogil`` option.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy as np
from numba.core.codegen import get_host_cpu_features
from numba.extending import register_jitable

from gilscope.core.spec import Buffers

__all__ = ["ISA", "carries", "check_range", "flat", "gil", "inlined", "nogil", "parallel", "use_threads"]

_Wrapper: TypeAlias = Callable[..., Any]
_Decorator: TypeAlias = Callable[[_Wrapper], Any]

# error_model="numpy": no branch for a zero divisor in the inner loop. Never fastmath: results are compared to the bit.
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False, "fastmath": False}

gil: _Decorator = numba.njit(**_OPTIONS)
nogil: _Decorator = numba.njit(nogil=True, **_OPTIONS)
parallel: _Decorator = numba.njit(parallel=True, nogil=True, **_OPTIONS)
inlined: _Decorator = register_jitable


def _host_isa() -> str:
    """Numba compiles for the host; name its instruction set as the compiled extensions do."""
    features = set(get_host_cpu_features().split(","))  # type: ignore[no-untyped-call]
    if features >= {"+avx512f", "+avx512bw", "+avx512dq", "+avx512vl"}:
        return "x86-64-v4"
    if features >= {"+avx2", "+fma", "+bmi2"}:
        return "x86-64-v3"
    return "host"


ISA = _host_isa()


def carries(dispatcher: Any) -> Callable[[_Wrapper], _Wrapper]:
    """Mark a Python wrapper with the compiled function it calls, whose statistics tell about the cache."""

    def mark(wrapper: _Wrapper) -> _Wrapper:
        wrapper.dispatcher = dispatcher  # type: ignore[attr-defined]
        return wrapper

    return mark


def flat(buffers: Buffers, name: str, dtype: Any, items: int) -> Any:
    """Return a buffer as an array of at least ``items`` items, shape (length,).

    Raises
    ------
    ValueError
        If it is shorter: compiled code does not check its bounds.
    """
    array = np.frombuffer(buffers[name], dtype=dtype)
    if len(array) < items:
        raise ValueError(f"buffer {name!r} holds {len(array)} items, {items} are needed")
    return array


def check_range(lo: int, hi: int, extent: int) -> None:
    """Refuse a chunk that is not within [0, extent): compiled code does not check its bounds."""
    if not 0 <= lo <= hi <= extent:
        raise ValueError(f"chunk [{lo}, {hi}) does not lie within [0, {extent})")


def use_threads(workers: int) -> None:
    """Set the number of threads of the next parallel call.

    Raises
    ------
    ValueError
        If Numba was started with fewer (``NUMBA_NUM_THREADS``, or the CPUs of the host).
    """
    limit = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if not 1 <= workers <= limit:
        raise ValueError(
            f"{workers} workers: Numba was started with {limit} threads; set NUMBA_NUM_THREADS={workers} before import"
        )
    numba.set_num_threads(workers)
