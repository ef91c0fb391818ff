"""mixed in Cython: computing with the GIL held or released, then sleeping without it."""

from time import sleep

from libc.stdint cimport uint64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.spin.core cimport spin

# The step of the plain Python version takes so many times as long as that of the compiled loop, about.
cdef enum:
    STEPS_PER_PYTHON_STEP = 50


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute, then sleep, for each of items [lo, hi); return how many."""
    cdef Pins pins
    cdef Py_ssize_t count = params["items"], steps = params["steps"], item
    cdef double seconds = params["sleep_us"] / 1e6
    cdef uint64_t *last
    cdef PyThreadState *saved
    check_range(lo, hi, count)
    pins.count = 0
    try:
        last = <uint64_t *> pin(&pins, buffers, "last", c"Q", count, True)
        for item in range(lo, hi):
            saved = release_gil(release)
            last[item] = spin(<uint64_t> item, steps * STEPS_PER_PYTHON_STEP)
            restore_gil(saved)
            sleep(seconds)
    finally:
        unpin(&pins)
    return hi - lo


include "chunk.pxi"
