"""primes in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t, int64_t

from buffers cimport check_range
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.primes.core cimport divisions

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object count(Py_ssize_t lo, Py_ssize_t hi, object params, bint release):
    cdef int32_t limit = params["limit"], n
    cdef int64_t primes = 0, total = 0
    cdef PyThreadState *saved
    check_range(lo, hi, limit)
    saved = release_gil(release)
    for n in range(<int32_t> lo, <int32_t> hi):
        total += divisions(n, &primes)
    restore_gil(saved)
    return [primes, total]


def cy_gil(phase, lo, hi, params, buffers):
    """Count the primes among [lo, hi), holding the GIL; return them and the divisions."""
    return count(lo, hi, params, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Count the primes among [lo, hi), without the GIL; return them and the divisions."""
    return count(lo, hi, params, True)
