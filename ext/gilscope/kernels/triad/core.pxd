# a = b + 3 c: two loads, one store, nothing else; the compiler vectorises it, memory decides its speed.

cdef extern from "narrow.h":
    pass


cdef inline void triad(double *a, const double *b, const double *c, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """Elements [lo, hi)."""
    cdef Py_ssize_t i
    for i in range(lo, hi):
        a[i] = b[i] + 3.0 * c[i]
