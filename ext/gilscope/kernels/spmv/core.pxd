# One row of a sparse matrix times a dense vector; sums are of whole numbers and exact in any order.

from libc.stdint cimport int32_t, int64_t


cdef inline double row(
    const int64_t *starts, const int32_t *columns, const double *values, const double *x, Py_ssize_t i
) noexcept nogil:
    """Element i of the product."""
    cdef double even = 0.0, odd = 0.0
    cdef int64_t k = starts[i], last = starts[i + 1]
    while k + 2 <= last:  # two chains: an addition need not wait for the one before
        even += values[k] * x[columns[k]]
        odd += values[k + 1] * x[columns[k + 1]]
        k += 2
    if k < last:
        even += values[k] * x[columns[k]]
    return even + odd
