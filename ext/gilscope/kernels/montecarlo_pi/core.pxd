# Hits of the quarter disk. Samples are independent and hits are counted in integers, so the compiler vectorises it.

from libc.stdint cimport int64_t, uint64_t

from splitmix cimport uniform


cdef inline int64_t hits(uint64_t lo, uint64_t hi) noexcept nogil:
    """How many of samples [lo, hi) lie in the quarter disk."""
    cdef int64_t count = 0
    cdef uint64_t i
    cdef double x, y
    for i in range(lo, hi):
        x = uniform(2 * i)
        y = uniform(2 * i + 1)
        count += x * x + y * y <= 1.0
    return count
