"""How all Numba implementations are compiled and called."""

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeAlias

import numba
import numpy as np
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, register_jitable

from gilscope.core.spec import Buffers, Params

_Function: TypeAlias = Callable[..., Any]
_Arguments: TypeAlias = Callable[[int, Params, Buffers], tuple[Any, ...]]
"""Takes phase, parameters and buffers; returns the first arguments of a compiled function."""

# error_model="numpy": no branch for a zero divisor in the inner loop. No fastmath: results are compared to the bit.
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "boundscheck": False, "fastmath": False}
EXACT: dict[str, Any] = {"fastmath": {"contract"}}
"""Options of a kernel whose products and sums are whole numbers, exact with FMA and without."""

inlined: Callable[[_Function], Any] = register_jitable


def _host_isa() -> str:
    """Name the instruction set Numba compiles for, the host's if not told otherwise, as the compiled extensions do."""
    told: str | None = numba.config.CPU_FEATURES  # type: ignore[attr-defined]
    features = set((get_host_cpu_features() if told is None else told).split(","))  # type: ignore[no-untyped-call]
    if features >= {"+avx512f", "+avx512bw", "+avx512dq", "+avx512vl"}:
        return "x86-64-v4"
    if features >= {"+avx2", "+fma", "+bmi2"}:
        return "x86-64-v3"
    return "host"


ISA = _host_isa()


def _narrow(context: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="256"')  # llvmlite's own add() knows no such name
        return context.get_dummy_value()

    return types.void(), code


narrow_vectors: Any = intrinsic(_narrow)
"""Compile the function that calls this in vectors of 256 bits: see narrow.h."""


def chunked(
    core: Any, arguments: _Arguments, extent: Callable[[Params], int], options: dict[str, Any] | None = None
) -> tuple[_Function, _Function]:
    """Return ``nb_gil`` and ``nb_nogil``: ``core(*arguments, lo, hi)``, compiled to hold and to release the GIL.

    Both refuse a chunk outside of [0, extent), because compiled code does not check its bounds.
    """

    def variant(name: str, *, nogil: bool) -> _Function:
        # Under its own name: Numba's on-disk cache tells functions apart by name and source, not by the GIL.
        code = core.__code__.replace(co_name=name, co_qualname=name)
        function = FunctionType(code, core.__globals__, None, core.__defaults__)
        compiled = numba.njit(nogil=nogil, **{**_OPTIONS, **(options or {})})(function)

        def run(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> Any:
            check_range(lo, hi, extent(params))
            return _plain(compiled(*arguments(phase, params, buffers), lo, hi))

        return _carrying(compiled, run)

    return variant("nb_gil", nogil=False), variant("nb_nogil", nogil=True)


def own_threads(
    arguments: _Arguments,
    phases: Callable[[Params], int] = lambda params: 1,
    options: dict[str, Any] | None = None,
) -> Callable[[_Function], _Function]:
    """Compile a function with parallel loops; it is called as ``function(*arguments, workers)``, once per phase."""

    def decorate(function: _Function) -> _Function:
        compiled = numba.njit(parallel=True, nogil=True, **{**_OPTIONS, **(options or {})})(function)

        def run(workers: int, params: Params, buffers: Buffers) -> Any:
            _use_threads(workers)
            result = None
            for phase in range(phases(params)):
                result = compiled(*arguments(phase, params, buffers), workers)
            return _plain(result)

        return _carrying(compiled, run)

    return decorate


def _carrying(compiled: Any, run: Any) -> _Function:
    """Mark a wrapper with the compiled function it calls: see ``core.targets.jit_cache_of``."""
    run.dispatcher = compiled
    marked: _Function = run
    return marked


def _plain(result: Any) -> Any:
    """Return a result as JSON has it."""
    if isinstance(result, np.ndarray):
        return result.tolist()
    return list(result) if isinstance(result, tuple) else result


def view(buffers: Buffers, name: str, dtype: Any, *shape: int) -> Any:
    """Return a buffer, from its beginning, as an array of this shape.

    ValueError if it is shorter: compiled code does not check its bounds.
    """
    try:
        return np.ndarray(shape, dtype, buffers[name])
    except TypeError:
        held = memoryview(buffers[name]).nbytes // np.dtype(dtype).itemsize
        raise ValueError(f"buffer {name!r} holds {held} items, {math.prod(shape)} are needed") from None


def check_range(lo: int, hi: int, extent: int) -> None:
    """Refuse a range that is not within [0, extent)."""
    if not 0 <= lo <= hi <= extent:
        raise ValueError(f"chunk [{lo}, {hi}) does not lie within [0, {extent})")


def _use_threads(workers: int) -> None:
    """Set the number of threads of the next parallel call; Numba cannot use more than it was started with."""
    limit = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if not 1 <= workers <= limit:
        raise ValueError(
            f"{workers} workers: Numba was started with {limit} threads; set NUMBA_NUM_THREADS={workers} before import"
        )
    numba.set_num_threads(workers)
