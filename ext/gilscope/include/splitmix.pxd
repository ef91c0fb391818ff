# The counter-based generator of all inputs: value i of a stream depends on seed + i alone.

from libc.stdint cimport uint64_t


cdef extern from *:
    """
    #include <string.h>
    #define GS_GAMMA 0x9E3779B97F4A7C15ULL

    /* A whole number below 2^53 as a double. AVX2 cannot convert a vector of them: both halves are put behind the
       exponents of 2^84 and 2^52, which is exact. */
    static inline double gs_double(unsigned long long n) {
    #if defined(__AVX512DQ__) || !defined(__AVX2__)
        return (double)n;
    #else
        unsigned long long high = n >> 32 | 0x4530000000000000ULL, low = (n & 0xFFFFFFFFULL) | 0x4330000000000000ULL;
        double h, l;
        memcpy(&h, &high, 8);
        memcpy(&l, &low, 8);
        return (h - 0x1.00000001p84) + l;
    #endif
    }
    """
    const uint64_t GAMMA "GS_GAMMA"
    double as_double "gs_double"(uint64_t n) noexcept nogil


cdef inline uint64_t scrambled(uint64_t z) noexcept nogil:
    """One output of SplitMix64 from its state."""
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t splitmix64(uint64_t i) noexcept nogil:
    """The i-th output of SplitMix64 started at zero."""
    return scrambled((i + 1) * GAMMA)


cdef inline double unit(uint64_t bits) noexcept nogil:
    """A double in [0, 1): the upper 53 bits, scaled."""
    return as_double(bits >> 11) * (1.0 / 9007199254740992.0)


cdef inline double uniform(uint64_t i) noexcept nogil:
    """The i-th double in [0, 1)."""
    return unit(splitmix64(i))
