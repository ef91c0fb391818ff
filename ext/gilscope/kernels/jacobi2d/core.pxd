# One row of a five-point stencil; cells are independent, so the compiler vectorises it.

cdef inline void row(const double *old, double *new, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    """Inner cells of row i, both planes of shape (n, n)."""
    cdef const double *north = old + (i - 1) * n
    cdef const double *here = old + i * n
    cdef const double *south = old + (i + 1) * n
    cdef double *out = new + i * n
    cdef Py_ssize_t j
    for j in range(1, n - 1):
        out[j] = 0.2 * ((((here[j] + here[j - 1]) + here[j + 1]) + north[j]) + south[j])
