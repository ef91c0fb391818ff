"""gemm in Cython with OpenMP threads."""

from cython.parallel cimport prange

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.gemm.core cimport ROWS, rows


cdef Py_ssize_t share(Py_ssize_t n, Py_ssize_t thread, Py_ssize_t workers) noexcept nogil:
    """First row of a thread: shares are whole tiles, except for the last."""
    return n if thread == workers else n * thread // workers // ROWS * ROWS


def cy_prange(int workers, params, buffers):
    """Compute C; rows cost the same, so each thread has one contiguous share of them."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], thread
    cdef const double *a
    cdef const double *b
    cdef double *c
    check_workers(workers)
    pins.count = 0
    try:
        a = <const double *> pin(&pins, buffers, "a", c"d", n * n, False)
        b = <const double *> pin(&pins, buffers, "b", c"d", n * n, False)
        c = <double *> pin(&pins, buffers, "c", c"d", n * n, True)
        for thread in prange(workers, nogil=True, num_threads=workers, schedule="static", chunksize=1):
            rows(a, b, c, share(n, thread, workers), share(n, thread + 1, workers), n)
    finally:
        unpin(&pins)


include "isa.pxi"
