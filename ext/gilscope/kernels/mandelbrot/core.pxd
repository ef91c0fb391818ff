# One row of the image, 16 or 32 pixels at a time. Each lane does exactly the operations of the scalar loop in its order,
# so the counts are the same to the bit. A lane that has left the disk keeps computing but never comes back: beyond 2 and
# beyond |c| each step takes z further out, to infinity or NaN, and whoever has |c| > 2 begins there. So it counts no more,
# and the lanes that are still inside are those that have counted every step.

from libc.stdint cimport int32_t, int64_t

cdef extern from *:
    """
    #ifdef __AVX512F__  /* four vectors, whose state fits into the registers, and sums under a mask */
    #  define GS_LANES 32
    #  define GS_COUNTED(n, inside) ((inside) ? (n) + 1 : (n))
    #else
    #  define GS_LANES 16
    #  define GS_COUNTED(n, inside) ((n) + (inside))
    #endif
    """
    enum:
        LANES "GS_LANES"
    int64_t counted "GS_COUNTED"(int64_t n, bint inside) noexcept nogil

cdef enum:
    BURST = 8  # iterations between two looks at whether any lane is still inside


cdef inline void advance(
    double *zr, double *zi, int64_t *n, const double *cr, double ci, int32_t steps
) noexcept nogil:
    """Iterate all lanes `steps` times."""
    cdef int32_t step
    cdef int lane
    cdef double zr2, zi2
    for step in range(steps):
        for lane in range(LANES):
            zr2 = zr[lane] * zr[lane]
            zi2 = zi[lane] * zi[lane]
            n[lane] = counted(n[lane], zr2 + zi2 <= 4.0)  # written so that NaN, after overflow, counts as outside
            zi[lane] = 2.0 * zr[lane] * zi[lane] + ci
            zr[lane] = zr2 - zi2 + cr[lane]


cdef inline int64_t row(int32_t *counts, Py_ssize_t y, Py_ssize_t w, Py_ssize_t h, int32_t max_iter) noexcept nogil:
    """Fill row y of counts, shape (h, w); return the sum of its counts."""
    cdef double zr[LANES]
    cdef double zi[LANES]
    cdef double cr[LANES]
    cdef int64_t n[LANES]
    cdef double ci = -1.25 + 2.5 * (<double> y + 0.5) / <double> h
    cdef int64_t total = 0, inside
    cdef Py_ssize_t group, x, lane
    cdef int32_t done
    for group in range((w + LANES - 1) // LANES):
        x = group * LANES
        for lane in range(LANES):
            cr[lane] = -2.0 + 2.5 * (<double> (x + lane) + 0.5) / <double> w
            zr[lane] = 0.0
            zi[lane] = 0.0
            n[lane] = 0
        done = 0
        inside = 1
        while inside and done + BURST <= max_iter:
            advance(zr, zi, n, cr, ci, BURST)
            done += BURST
            inside = 0
            for lane in range(LANES):
                inside |= n[lane] == done
        if inside:
            advance(zr, zi, n, cr, ci, max_iter - done)
        for lane in range(min(LANES, w - x)):
            counts[y * w + x + lane] = <int32_t> n[lane]
            total += n[lane]
    return total
