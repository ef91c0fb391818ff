# C = A B for whole numbers in doubles: every order of the sum is exact and so is FMA, so they may be chosen. The sums of
# ROWS x COLUMNS elements of C stay in the first-level cache while the rows of B stream by, DEPTH at a time: a sum is
# then loaded and stored once for DEPTH multiply-adds, and each row of B loaded once for ROWS.

cdef extern from *:
    """
    #include <math.h>
    #if defined(__FP_FAST_FMA) || defined(__FMA__)
    #define GILSCOPE_MADD(x, y, z) fma(x, y, z)
    #else /* without the instruction, fma() is a slow call */
    #define GILSCOPE_MADD(x, y, z) ((x) * (y) + (z))
    #endif
    """
    double madd "GILSCOPE_MADD"(double x, double y, double z) noexcept nogil

cdef enum:
    ROWS = 4
    DEPTH = 4
    COLUMNS = 128


cdef inline double four(
    double s, const double *a, double b0, double b1, double b2, double b3
) noexcept nogil:
    """The sum with DEPTH more products."""
    return madd(a[3], b3, madd(a[2], b2, madd(a[1], b1, madd(a[0], b0, s))))


cdef inline void tile(
    const double *a, const double *b, double *c, Py_ssize_t width, Py_ssize_t n
) noexcept nogil:
    """ROWS x width elements of C; the pointers are at the first row of A, first column of B, first element of C."""
    cdef double s0[COLUMNS]
    cdef double s1[COLUMNS]
    cdef double s2[COLUMNS]
    cdef double s3[COLUMNS]
    cdef double factors[ROWS * DEPTH]
    cdef const double *b1
    cdef const double *b2
    cdef const double *b3
    cdef double x0, x1, x2, x3
    cdef Py_ssize_t j, k = 0
    cdef int row, step
    for j in range(width):
        s0[j] = s1[j] = s2[j] = s3[j] = 0.0
    while k + DEPTH <= n:
        b1, b2, b3 = b + n, b + 2 * n, b + 3 * n
        for row in range(ROWS):
            for step in range(DEPTH):
                factors[row * DEPTH + step] = a[row * n + k + step]
        for j in range(width):
            x0, x1, x2, x3 = b[j], b1[j], b2[j], b3[j]
            s0[j] = four(s0[j], factors, x0, x1, x2, x3)
            s1[j] = four(s1[j], factors + DEPTH, x0, x1, x2, x3)
            s2[j] = four(s2[j], factors + 2 * DEPTH, x0, x1, x2, x3)
            s3[j] = four(s3[j], factors + 3 * DEPTH, x0, x1, x2, x3)
        b += DEPTH * n
        k += DEPTH
    while k < n:
        for j in range(width):
            s0[j] += a[k] * b[j]
            s1[j] += a[n + k] * b[j]
            s2[j] += a[2 * n + k] * b[j]
            s3[j] += a[3 * n + k] * b[j]
        b += n
        k += 1
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
    """Rows [lo, hi) of C; one part of B after the other, which then stays in the second-level cache."""
    cdef Py_ssize_t i, j = 0, last = lo + (hi - lo) // ROWS * ROWS
    while j < n:
        i = lo
        while i < last:
            tile(a + i * n, b + j, c + i * n + j, min(<Py_ssize_t> COLUMNS, n - j), n)
            i += ROWS
        j += COLUMNS
    for i in range(last, hi):
        single(a + i * n, b, c + i * n, n)
