# Trial division of one number, LANES divisors at a time. Doubles, because there is no vector division of integers: for
# n < 2**31 and d >= 2, n / d is a whole number in doubles exactly if d divides n.

from libc.math cimport floor
from libc.stdint cimport int32_t, int64_t

cdef enum:
    LANES = 16
    FIRST = 2 + LANES  # below it one by one: most numbers have a small divisor


cdef inline bint any_divides(double n, double first) noexcept nogil:
    """Whether one of the divisors [first, first + LANES) whose square is at most n divides n."""
    cdef double d, q
    cdef int64_t found = 0
    # Always LANES. Compilers that know the number unroll the loop and then do not vectorise it.
    cdef int lane, lanes = <int> min(n, <double> LANES)
    for lane in range(lanes):
        d = first + lane
        q = n / d
        found |= -<int64_t> ((q == floor(q)) & (d <= q))
    return found != 0


cdef inline int64_t divisions(int32_t n, int64_t *primes) noexcept nogil:
    """How many divisions it takes to find the first divisor of n, or that there is none; counts a prime."""
    cdef int32_t d = 2
    if n < 2:
        return 0
    while d < FIRST and d * d <= n:
        if n % d == 0:
            return d - 1
        d += 1
    while <int64_t> d * d <= n:
        if any_divides(n, d):
            while n % d:
                d += 1
            return d - 1
        d += LANES
    primes[0] += 1
    return root(n) - 1


cdef inline int32_t root(int32_t n) noexcept nogil:
    """The largest whole number whose square is at most n."""
    return <int32_t> sqrt(<double> n)  # exact: the root of a number below 2**52 is rounded to a whole one only if it is


cdef extern from "math.h" nogil:
    double sqrt(double x)
