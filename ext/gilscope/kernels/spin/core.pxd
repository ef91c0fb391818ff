# Arithmetic in registers: four independent chains keep the multiplier busy, so that threads sharing a core slow down.

from libc.stdint cimport uint64_t

cdef inline uint64_t spin(uint64_t start, Py_ssize_t steps) noexcept nogil:
    """Advance four linear congruential generators; return something that depends on all of them."""
    cdef uint64_t a = start, b = start + 1, c = start + 2, d = start + 3
    cdef uint64_t multiplier = 6364136223846793005  # Knuth, MMIX
    cdef Py_ssize_t step
    for step in range(steps):
        a = a * multiplier + 1
        b = b * multiplier + 3
        c = c * multiplier + 5
        d = d * multiplier + 7
    return a ^ b ^ c ^ d
