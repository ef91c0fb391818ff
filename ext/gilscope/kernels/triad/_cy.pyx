"""triad in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.triad.core cimport triad

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object elements(Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    cdef Pins pins
    cdef Py_ssize_t n = params["n"]
    cdef double *a
    cdef const double *b
    cdef const double *c
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        a = <double *> pin(&pins, buffers, "a", c"d", n, True)
        b = <const double *> pin(&pins, buffers, "b", c"d", n, False)
        c = <const double *> pin(&pins, buffers, "c", c"d", n, False)
        saved = release_gil(release)
        triad(a, b, c, lo, hi)
        restore_gil(saved)
    finally:
        unpin(&pins)


def cy_gil(phase, lo, hi, params, buffers):
    """Compute elements [lo, hi), holding the GIL."""
    elements(lo, hi, params, buffers, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Compute elements [lo, hi), without the GIL."""
    elements(lo, hi, params, buffers, True)
