"""spmv in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t, int64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.spmv.core cimport row


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute rows [lo, hi)."""
    cdef Pins pins
    cdef Py_ssize_t n = params["rows"], nnz = params["nnz"], i
    cdef double *y
    cdef const int64_t *starts
    cdef const int32_t *columns
    cdef const double *values
    cdef const double *x
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        y = <double *> pin(&pins, buffers, "y", c"d", n, True)
        starts = <const int64_t *> pin(&pins, buffers, "starts", c"q", n + 1, False)
        columns = <const int32_t *> pin(&pins, buffers, "columns", c"i", nnz, False)
        values = <const double *> pin(&pins, buffers, "values", c"d", nnz, False)
        x = <const double *> pin(&pins, buffers, "x", c"d", n, False)
        saved = release_gil(release)
        for i in range(lo, hi):
            y[i] = row(starts, columns, values, x, i)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
