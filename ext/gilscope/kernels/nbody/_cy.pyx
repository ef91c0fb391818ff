"""nbody in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.nbody.core cimport LANES, block

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object bodies(int phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
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


def cy_gil(phase, lo, hi, params, buffers):
    """Move bodies [lo, hi) by one step, holding the GIL."""
    bodies(phase, lo, hi, params, buffers, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Move bodies [lo, hi) by one step, without the GIL."""
    bodies(phase, lo, hi, params, buffers, True)
