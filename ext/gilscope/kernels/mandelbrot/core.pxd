# One row of the image, 16 pixels at a time. Each lane does exactly the operations of the scalar loop in its order, so
# the counts are the same to the bit; a lane that has left the disk keeps computing, but no longer counts.

from libc.stdint cimport int32_t, int64_t

cdef enum:
    LANES = 16
    BURST = 8  # iterations between two looks at whether any lane is still inside


cdef inline void advance(
    double *zr, double *zi, int64_t *inside, int64_t *n, const double *cr, double ci, int32_t steps
) noexcept nogil:
    """Iterate all lanes `steps` times; `inside` is -1 or 0 and never returns to -1."""
    cdef int32_t step
    cdef int lane
    cdef double zr2, zi2
    for step in range(steps):
        for lane in range(LANES):
            zr2 = zr[lane] * zr[lane]
            zi2 = zi[lane] * zi[lane]
            inside[lane] &= -<int64_t> (zr2 + zi2 <= 4.0)  # written so that NaN, after overflow, counts as outside
            n[lane] -= inside[lane]
            zi[lane] = 2.0 * zr[lane] * zi[lane] + ci
            zr[lane] = zr2 - zi2 + cr[lane]


cdef inline int64_t row(int32_t *counts, Py_ssize_t y, Py_ssize_t w, Py_ssize_t h, int32_t max_iter) noexcept nogil:
    """Fill row y of counts, shape (h, w); return the sum of its counts."""
    cdef double zr[LANES]
    cdef double zi[LANES]
    cdef double cr[LANES]
    cdef int64_t inside[LANES]
    cdef int64_t n[LANES]
    cdef double ci = -1.25 + 2.5 * (<double> y + 0.5) / <double> h
    cdef int64_t total = 0, any_inside
    cdef Py_ssize_t group, x, lane
    cdef int32_t done
    for group in range((w + LANES - 1) // LANES):
        x = group * LANES
        for lane in range(LANES):
            cr[lane] = -2.0 + 2.5 * (<double> (x + lane) + 0.5) / <double> w
            zr[lane] = 0.0
            zi[lane] = 0.0
            inside[lane] = -1
            n[lane] = 0
        done = 0
        any_inside = -1
        while any_inside and done + BURST <= max_iter:
            advance(zr, zi, inside, n, cr, ci, BURST)
            done += BURST
            any_inside = 0
            for lane in range(LANES):
                any_inside |= inside[lane]
        if any_inside:
            advance(zr, zi, inside, n, cr, ci, max_iter - done)
        for lane in range(min(LANES, w - x)):
            counts[y * w + x + lane] = <int32_t> n[lane]
            total += n[lane]
    return total
