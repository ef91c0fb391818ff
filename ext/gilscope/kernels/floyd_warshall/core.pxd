# One row of one phase: paths over node k. Cells are independent, so the compiler vectorises it.

from libc.stdint cimport int32_t

cdef extern from "narrow.h":
    pass


cdef inline void row(int32_t *d, Py_ssize_t i, Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    """Row i of d, shape (n, n). Row k stays as it is: d[k][k] is zero."""
    cdef int32_t *own = d + i * n
    cdef const int32_t *over = d + k * n
    cdef int32_t first = own[k], path
    cdef Py_ssize_t j
    if i == k:
        return
    for j in range(n):
        path = first + over[j]
        own[j] = own[j] if own[j] < path else path
