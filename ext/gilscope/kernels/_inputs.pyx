"""The input generator, compiled; ``_inputs.py`` is its twin and documents the functions."""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from buffers cimport Pins, pin, unpin
from splitmix cimport splitmix64, uniform as u

COMPILED = True

cdef enum:
    MAX_ROW = 1000  # items in the longest row of a power-law matrix


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


def fill_remainders(out, uint64_t seed, uint64_t modulus):
    """Fill a buffer of int32 with ``splitmix64(seed + i) % modulus``."""
    cdef Pins pins
    cdef Py_ssize_t i, n = len(out)
    cdef int32_t *values
    if modulus == 0:
        raise ValueError("modulus must be above zero")
    pins.count = 0
    try:
        values = <int32_t *> pin(&pins, {"out": out}, "out", c"i", n, True)
        with nogil:
            for i in range(n):
                values[i] = <int32_t> (splitmix64(seed + <uint64_t> i) % modulus)
    finally:
        unpin(&pins)


def fill_power_law_starts(out, uint64_t seed):
    """Fill a buffer of int64 with the starts of rows of descending power-law length; return their sum."""
    cdef Pins pins
    cdef Py_ssize_t i, n = len(out) - 1
    cdef int64_t *starts
    cdef int64_t rows_of[MAX_ROW + 1]
    cdef int64_t length, position = 0
    memset(rows_of, 0, sizeof(rows_of))
    pins.count = 0
    try:
        starts = <int64_t *> pin(&pins, {"out": out}, "out", c"q", n + 1, True)
        with nogil:
            for i in range(n):
                rows_of[row_length(u(seed + <uint64_t> i))] += 1
            i = 0
            for length in range(MAX_ROW, 0, -1):
                while rows_of[length] > 0:
                    starts[i] = position
                    position += length
                    rows_of[length] -= 1
                    i += 1
            starts[n] = position
    finally:
        unpin(&pins)
    return position


cdef inline int64_t row_length(double uniform_value) noexcept nogil:
    """1 + min(MAX_ROW - 1, floor(8 / sqrt(u))); u = 0 gives the longest row."""
    cdef double length = 8.0 / sqrt(uniform_value)
    return 1 + (<int64_t> length if length < MAX_ROW - 1 else MAX_ROW - 1)
