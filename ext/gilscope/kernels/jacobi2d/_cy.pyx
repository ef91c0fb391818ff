"""jacobi2d in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.jacobi2d.core cimport row


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Relax inner rows [lo, hi) once."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], i
    cdef double *planes
    cdef double *old
    cdef double *new
    cdef PyThreadState *saved
    check_range(lo, hi, max(0, n - 2))
    pins.count = 0
    try:
        planes = <double *> pin(&pins, buffers, "planes", c"d", 2 * n * n, True)
        old = planes + (n * n if phase & 1 else 0)
        new = planes + (0 if phase & 1 else n * n)
        saved = release_gil(release)
        for i in range(lo, hi):
            row(old, new, i + 1, n)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
