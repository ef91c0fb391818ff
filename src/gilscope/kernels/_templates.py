"""The files of a new kernel, as texts with ``$NAME`` and ``$NUMBER`` (of its input streams) to be filled in.

The skeleton is a small working kernel, the logistic map, so a test that fails after a change fails because of it.
"""

_PACKAGE = '''"""One or two words for what limits it."""
'''

_SPEC = '''"""$NAME: say here what it computes and what limits it."""

from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Work
from gilscope.kernels._inputs import fill_uniform, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NUMBA, PY_LOOP, alike, not_available, read_digests

__all__ = ["KERNEL"]

_NUMBER = $NUMBER  # of the streams of random numbers: no two kernels share one
_FLOPS_PER_STEP = 3


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    # What is known about the answer without computing it again; the digest compares the rest.
    outside = [i for i, value in enumerate(buffers["end"]) if not 0.0 <= value <= 1.0]
    return f"end[{outside[0]}] does not lie in [0, 1]" if outside else None


def _work(params: Params, result: Any) -> Work:
    steps = params["n"] * params["steps"]
    return Work(units=steps, unit="steps", flops=_FLOPS_PER_STEP * steps)


KERNEL = KernelSpec(
    name="$NAME",
    summary="one line for the list",
    regime="what limits it",
    sizes={
        "XS": {"n": 100, "steps": 20},
        "S": {"n": 10_000, "steps": 50},
        "M": {"n": 500_000, "steps": 100},
        "L": {"n": 5_000_000, "steps": 100},
    },
    layout=lambda params: alike("d", params["n"], start="input", end="output"),
    make_inputs=lambda params, buffers: fill_uniform(buffers["start"], seed_of(_NUMBER, 0)),
    extent=lambda params: params["n"],
    reads=lambda params, phase, lo, hi: (("start", lo, hi),),
    writes=lambda params, phase, lo, hi: (("end", lo, hi),),
    outputs=lambda params: (("end", 0, params["n"]),),
    check=_check,
    work=_work,
    digests=read_digests(__file__),
    impls=(PY_LOOP, not_available("np_vec", "not written yet"), NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
'''

_PY = '''"""$NAME in plain Python: the oracle, which all others must equal to the bit."""

from gilscope.core.spec import Buffers, Params

__all__ = ["py_loop"]


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute items [lo, hi)."""
    start, end, steps = buffers["start"], buffers["end"], range(params["steps"])
    for i in range(lo, hi):
        x = start[i]
        for _ in steps:
            x = 3.75 * x * (1.0 - x)
        end[i] = x
'''

_NB = '''"""$NAME in Numba."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _items(start: Any, end: Any, steps: int, lo: int, hi: int) -> None:
    # Slices, because an index that may be negative is wrapped around.
    own, out = start[lo:hi], end[lo:hi]
    for i in range(len(own)):
        x = own[i]
        for _ in range(steps):
            x = 3.75 * x * (1.0 - x)
        out[i] = x


def _arrays(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    start, end = (view(buffers, name, np.float64, params["n"]) for name in ("start", "end"))
    return start, end, params["steps"]


nb_gil, nb_nogil = chunked(_items, _arrays, lambda params: params["n"])


@own_threads(_arrays)
def nb_prange(start: Any, end: Any, steps: int, workers: int) -> None:
    """All items; one contiguous share per thread."""
    n = len(start)
    for thread in numba.prange(workers):
        _items(start, end, steps, n * thread // workers, n * (thread + 1) // workers)
'''

_CORE = '''# The inner loop, written once for all Cython variants; the order of the operations is that of py_loop.

cdef inline void items(const double *start, double *end, int steps, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """Items [lo, hi)."""
    cdef Py_ssize_t i
    cdef int step
    cdef double x
    for i in range(lo, hi):
        x = start[i]
        for step in range(steps):
            x = 3.75 * x * (1.0 - x)
        end[i] = x
'''

_CY = '''"""$NAME in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.$NAME.core cimport items


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute items [lo, hi)."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"]
    cdef int steps = params["steps"]
    cdef const double *start
    cdef double *end
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        start = <const double *> pin(&pins, buffers, "start", c"d", n, False)
        end = <double *> pin(&pins, buffers, "end", c"d", n, True)
        saved = release_gil(release)
        items(start, end, steps, lo, hi)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
'''

_CY_OMP = '''"""$NAME in Cython with OpenMP threads."""

from cython.parallel cimport prange

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.$NAME.core cimport items


def cy_prange(int workers, params, buffers):
    """Compute all items; one contiguous share per thread."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], thread
    cdef int steps = params["steps"]
    cdef const double *start
    cdef double *end
    check_workers(workers)
    pins.count = 0
    try:
        start = <const double *> pin(&pins, buffers, "start", c"d", n, False)
        end = <double *> pin(&pins, buffers, "end", c"d", n, True)
        for thread in prange(workers, nogil=True, num_threads=workers, schedule="static", chunksize=1):
            items(start, end, steps, n * thread // workers, n * (thread + 1) // workers)
    finally:
        unpin(&pins)


include "isa.pxi"
'''

_PAGE = """# $NAME

Say here what it computes and where it comes from.

    the formula, in the order of its operations

## Why it scales, or does not

Say what limits it, and which finding names that.

## Measured

<!-- output:$NAME -->
Not measured yet: `python docs/update.py kernels/$NAME --measure` fills this in.
<!-- /output -->
"""

FILES = {
    "src/gilscope/kernels/$NAME/__init__.py": _PACKAGE,
    "src/gilscope/kernels/$NAME/spec.py": _SPEC,
    "src/gilscope/kernels/$NAME/_py.py": _PY,
    "src/gilscope/kernels/$NAME/_nb.py": _NB,
    "ext/gilscope/kernels/$NAME/core.pxd": _CORE,
    "ext/gilscope/kernels/$NAME/_cy.pyx": _CY,
    "ext/gilscope/kernels/$NAME/_cy_omp.pyx": _CY_OMP,
    "docs/kernels/$NAME.md": _PAGE,
}
"""Text of each file by its path below the checkout; both are templates."""

# The line of tests/kernels/awkward.py: nothing, one item, items that fill no vector.
AWKWARD = """    "$NAME": [{"n": 0, "steps": 1}, {"n": 1, "steps": 0}, {"n": 13, "steps": 3}],
"""
