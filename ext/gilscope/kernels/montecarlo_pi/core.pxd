# Hits of the quarter disk. Samples are independent and hits are counted in integers, so the compiler vectorises it. What
# the generator scrambles grows by the same step from number to number: adding it saves every third product.

from libc.stdint cimport int64_t, uint64_t

from splitmix cimport GAMMA, scrambled, unit


cdef inline int64_t hits(uint64_t lo, uint64_t hi) noexcept nogil:
    """How many of samples [lo, hi) lie in the quarter disk; sample i takes numbers 2 i and 2 i + 1."""
    cdef int64_t count = 0
    cdef uint64_t i, state = (2 * lo + 1) * GAMMA
    cdef double x, y
    for i in range(lo, hi):
        x = unit(scrambled(state))
        y = unit(scrambled(state + GAMMA))
        count += x * x + y * y <= 1.0
        state += 2 * GAMMA
    return count
