# The last line of a kernel whose loop can release the GIL: include "chunk.pxi". Above it the kernel defines
#
#     cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release)

include "isa.pxi"


def cy_gil(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, params, buffers):
    """Compute chunk [lo, hi) of a phase, holding the GIL."""
    return chunk(phase, lo, hi, params, buffers, False)


def cy_nogil(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, params, buffers):
    """Compute chunk [lo, hi) of a phase, without the GIL."""
    return chunk(phase, lo, hi, params, buffers, True)
