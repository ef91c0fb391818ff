"""gemm in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.gemm.core cimport rows

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object product(Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    cdef Pins pins
    cdef Py_ssize_t n = params["n"]
    cdef const double *a
    cdef const double *b
    cdef double *c
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        a = <const double *> pin(&pins, buffers, "a", c"d", n * n, False)
        b = <const double *> pin(&pins, buffers, "b", c"d", n * n, False)
        c = <double *> pin(&pins, buffers, "c", c"d", n * n, True)
        saved = release_gil(release)
        rows(a, b, c, lo, hi, n)
        restore_gil(saved)
    finally:
        unpin(&pins)


def cy_gil(phase, lo, hi, params, buffers):
    """Compute rows [lo, hi) of C, holding the GIL."""
    product(lo, hi, params, buffers, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Compute rows [lo, hi) of C, without the GIL."""
    product(lo, hi, params, buffers, True)
