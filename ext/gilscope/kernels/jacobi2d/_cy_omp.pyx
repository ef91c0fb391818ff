"""jacobi2d in Cython with OpenMP threads."""

from cython.parallel cimport prange

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.jacobi2d.core cimport row


def cy_prange(int workers, params, buffers):
    """Do all sweeps; each thread keeps the same contiguous share of the rows, which stays in its caches."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], steps = params["steps"], inner = max(0, n - 2), step, i
    cdef double *planes
    cdef double *old
    cdef double *new
    check_workers(workers)
    pins.count = 0
    try:
        planes = <double *> pin(&pins, buffers, "planes", c"d", 2 * n * n, True)
        with nogil:
            for step in range(steps):
                old = planes + (n * n if step & 1 else 0)
                new = planes + (0 if step & 1 else n * n)
                for i in prange(inner, num_threads=workers, schedule="static"):
                    row(old, new, i + 1, n)
    finally:
        unpin(&pins)


include "isa.pxi"
