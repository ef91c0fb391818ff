# The counter-based generator of all inputs: value i of a stream depends on seed + i alone.

from libc.stdint cimport uint64_t


cdef inline uint64_t splitmix64(uint64_t i) noexcept nogil:
    """The i-th output of SplitMix64 started at zero."""
    cdef uint64_t z = (i + 1) * <uint64_t> 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline double uniform(uint64_t i) noexcept nogil:
    """The i-th double in [0, 1): the upper 53 bits, scaled."""
    return <double> (splitmix64(i) >> 11) * (1.0 / 9007199254740992.0)
