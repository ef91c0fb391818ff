# C = A B for whole numbers in doubles: every order of the sum is exact, so it may be chosen. The sums of ROWS x COLUMNS
# elements of C stay in the first-level cache while the rows of B stream by, two at a time.

cdef enum:
    ROWS = 4
    COLUMNS = 256


cdef inline void tile(
    const double *a, const double *b, double *c, Py_ssize_t width, Py_ssize_t n
) noexcept nogil:
    """ROWS x width elements of C; the pointers are at the first row of A, first column of B, first element of C."""
    cdef double s0[COLUMNS]
    cdef double s1[COLUMNS]
    cdef double s2[COLUMNS]
    cdef double s3[COLUMNS]
    cdef const double *odd
    cdef double a00, a01, a10, a11, a20, a21, a30, a31
    cdef Py_ssize_t j, k
    for j in range(width):
        # An odd number of rows of B: the last one first.
        s0[j] = a[n - 1] * b[(n - 1) * n + j] if n % 2 else 0.0
        s1[j] = a[2 * n - 1] * b[(n - 1) * n + j] if n % 2 else 0.0
        s2[j] = a[3 * n - 1] * b[(n - 1) * n + j] if n % 2 else 0.0
        s3[j] = a[4 * n - 1] * b[(n - 1) * n + j] if n % 2 else 0.0
    for k in range(0, n - 1, 2):
        odd = b + n
        a00, a01 = a[k], a[k + 1]
        a10, a11 = a[n + k], a[n + k + 1]
        a20, a21 = a[2 * n + k], a[2 * n + k + 1]
        a30, a31 = a[3 * n + k], a[3 * n + k + 1]
        for j in range(width):
            s0[j] += a00 * b[j] + a01 * odd[j]
            s1[j] += a10 * b[j] + a11 * odd[j]
            s2[j] += a20 * b[j] + a21 * odd[j]
            s3[j] += a30 * b[j] + a31 * odd[j]
        b += 2 * n
    for j in range(width):
        c[j] = s0[j]
        c[n + j] = s1[j]
        c[2 * n + j] = s2[j]
        c[3 * n + j] = s3[j]


cdef inline void single(const double *a, const double *b, double *c, Py_ssize_t n) noexcept nogil:
    """One row of C."""
    cdef Py_ssize_t j, k
    for j in range(n):
        c[j] = 0.0
    for k in range(n):
        for j in range(n):
            c[j] += a[k] * b[k * n + j]


cdef inline void rows(
    const double *a, const double *b, double *c, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t n
) noexcept nogil:
    """Rows [lo, hi) of C."""
    cdef Py_ssize_t i = lo, j
    while i + ROWS <= hi:
        j = 0
        while j < n:
            tile(a + i * n, b + j, c + i * n + j, min(<Py_ssize_t> COLUMNS, n - j), n)
            j += COLUMNS
        i += ROWS
    while i < hi:
        single(a + i * n, b, c + i * n, n)
        i += 1
