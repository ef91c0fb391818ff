"""montecarlo_pi in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int64_t

from buffers cimport check_range
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.montecarlo_pi.core cimport hits

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object samples(Py_ssize_t lo, Py_ssize_t hi, object params, bint release):
    cdef int64_t count
    cdef PyThreadState *saved
    check_range(lo, hi, params["n"])
    saved = release_gil(release)
    count = hits(lo, hi)
    restore_gil(saved)
    return count


def cy_gil(phase, lo, hi, params, buffers):
    """Count the hits among samples [lo, hi), holding the GIL."""
    return samples(lo, hi, params, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Count the hits among samples [lo, hi), without the GIL."""
    return samples(lo, hi, params, True)
