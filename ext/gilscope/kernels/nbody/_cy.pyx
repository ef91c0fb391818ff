"""nbody in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.nbody.core cimport LANES, block


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Move bodies [lo, hi) by one step."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], first
    cdef double *positions
    cdef double *old
    cdef double *new
    cdef double *velocities
    cdef const double *masses
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        positions = <double *> pin(&pins, buffers, "positions", c"d", 6 * n, True)
        velocities = <double *> pin(&pins, buffers, "velocities", c"d", 3 * n, True)
        masses = <const double *> pin(&pins, buffers, "masses", c"d", n, False)
        old = positions + (3 * n if phase & 1 else 0)
        new = positions + (0 if phase & 1 else 3 * n)
        saved = release_gil(release)
        first = lo
        while first < hi:
            block(first, hi, n, old, new, velocities, masses)
            first += LANES
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
