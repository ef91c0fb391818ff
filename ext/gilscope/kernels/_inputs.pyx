"""The input generator, compiled; ``_inputs.py`` is its twin and documents the functions."""

from libc.stdint cimport int32_t, uint64_t

from buffers cimport Pins, pin, unpin
from splitmix cimport splitmix64, uniform as u

COMPILED = True


def seed_of(kernel, array):
    """Return the first counter of one array: ``kernel << 48 | array << 40``."""
    return kernel << 48 | array << 40


def fill_uniform(out, uint64_t seed):
    """Fill a buffer of doubles with ``u(seed, i)``."""
    cdef Pins pins
    cdef Py_ssize_t i, n = len(out)
    cdef double *values
    pins.count = 0
    try:
        values = <double *> pin(&pins, {"out": out}, "out", c"d", n, True)
        with nogil:
            for i in range(n):
                values[i] = u(seed + <uint64_t> i)
    finally:
        unpin(&pins)


def fill_bounded(out, uint64_t seed, int32_t low, int32_t count):
    """Fill a buffer of doubles or int32 with the whole numbers ``low + floor(count * u(seed, i))``."""
    cdef Pins pins
    cdef Py_ssize_t i, n = len(out)
    cdef bint whole = out.format == "i"
    cdef double *doubles
    cdef int32_t *integers
    pins.count = 0
    try:
        if whole:
            integers = <int32_t *> pin(&pins, {"out": out}, "out", c"i", n, True)
            with nogil:
                for i in range(n):
                    integers[i] = low + <int32_t> (count * u(seed + <uint64_t> i))
        else:
            doubles = <double *> pin(&pins, {"out": out}, "out", c"d", n, True)
            with nogil:
                for i in range(n):
                    doubles[i] = low + <int32_t> (count * u(seed + <uint64_t> i))
    finally:
        unpin(&pins)


def fill_words(out, uint64_t seed):
    """Fill a buffer of uint64 with ``splitmix64(seed + i)``."""
    cdef Pins pins
    cdef Py_ssize_t i, n = len(out)
    cdef uint64_t *words
    pins.count = 0
    try:
        words = <uint64_t *> pin(&pins, {"out": out}, "out", c"Q", n, True)
        with nogil:
            for i in range(n):
                words[i] = splitmix64(seed + <uint64_t> i)
    finally:
        unpin(&pins)
