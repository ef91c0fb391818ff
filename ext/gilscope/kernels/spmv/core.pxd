# One row of a sparse matrix times a dense vector; sums are of whole numbers and exact in any order.

from libc.stdint cimport int32_t, int64_t


cdef inline double row(
    const int64_t *starts, const int32_t *columns, const double *values, const double *x, Py_ssize_t i
) noexcept nogil:
    """Element i of the product. The memory decides; a second sum would only cost time, as most rows are short."""
    cdef double total = 0.0
    cdef int64_t k
    for k in range(starts[i], starts[i + 1]):
        total += values[k] * x[columns[k]]
    return total
