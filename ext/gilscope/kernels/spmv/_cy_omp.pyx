"""spmv in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.spmv.core cimport row


def cy_prange(int workers, params, buffers):
    """Compute all rows; the first are the longest, so threads take 1024 at a time as they come free."""
    cdef Pins pins
    cdef Py_ssize_t n = params["rows"], nnz = params["nnz"], i
    cdef double *y
    cdef const int64_t *starts
    cdef const int32_t *columns
    cdef const double *values
    cdef const double *x
    check_workers(workers)
    pins.count = 0
    try:
        y = <double *> pin(&pins, buffers, "y", c"d", n, True)
        starts = <const int64_t *> pin(&pins, buffers, "starts", c"q", n + 1, False)
        columns = <const int32_t *> pin(&pins, buffers, "columns", c"i", nnz, False)
        values = <const double *> pin(&pins, buffers, "values", c"d", nnz, False)
        x = <const double *> pin(&pins, buffers, "x", c"d", n, False)
        for i in prange(n, nogil=True, num_threads=workers, schedule="dynamic", chunksize=1024):
            y[i] = row(starts, columns, values, x, i)
    finally:
        unpin(&pins)


include "isa.pxi"
