"""nbody in Cython with OpenMP threads."""

from cython.parallel cimport prange

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.nbody.core cimport LANES, block


def cy_prange(int workers, params, buffers):
    """Do all steps; bodies cost the same, so each thread has a fixed share of them."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], steps = params["steps"], step, index
    cdef Py_ssize_t blocks = (n + LANES - 1) // LANES
    cdef double *positions
    cdef double *old
    cdef double *new
    cdef double *velocities
    cdef const double *masses
    check_workers(workers)
    pins.count = 0
    try:
        positions = <double *> pin(&pins, buffers, "positions", c"d", 6 * n, True)
        velocities = <double *> pin(&pins, buffers, "velocities", c"d", 3 * n, True)
        masses = <const double *> pin(&pins, buffers, "masses", c"d", n, False)
        with nogil:
            for step in range(steps):
                old = positions + (3 * n if step & 1 else 0)
                new = positions + (0 if step & 1 else 3 * n)
                for index in prange(blocks, num_threads=workers, schedule="static"):
                    block(index * LANES, n, n, old, new, velocities, masses)
    finally:
        unpin(&pins)


include "isa.pxi"
