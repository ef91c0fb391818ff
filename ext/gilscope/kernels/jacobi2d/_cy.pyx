"""jacobi2d in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.jacobi2d.core cimport row

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object sweep(int phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
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


def cy_gil(phase, lo, hi, params, buffers):
    """Relax inner rows [lo, hi) once, holding the GIL."""
    sweep(phase, lo, hi, params, buffers, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Relax inner rows [lo, hi) once, without the GIL."""
    sweep(phase, lo, hi, params, buffers, True)
