"""montecarlo_pi in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int64_t

from buffers cimport check_range
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.montecarlo_pi.core cimport hits


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count the hits among samples [lo, hi)."""
    cdef int64_t count
    cdef PyThreadState *saved
    check_range(lo, hi, params["n"])
    saved = release_gil(release)
    count = hits(lo, hi)
    restore_gil(saved)
    return count


include "chunk.pxi"
