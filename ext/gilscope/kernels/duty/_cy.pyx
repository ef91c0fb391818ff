"""duty in Cython: the GIL is held and released for known times; both times are spent computing."""

from libc.stdint cimport int64_t

from buffers cimport check_range

cdef extern from "duty.h":
    ctypedef struct gs_duty_result:
        pass
    gs_duty_result gs_duty(int64_t hold_ns, int64_t release_ns, int64_t total_ns)


def cy_gil(phase, Py_ssize_t lo, Py_ssize_t hi, params, buffers):
    """Hold and release the GIL in turns for each of items [lo, hi); return how many."""
    cdef int64_t hold_ns = params["hold_us"] * 1000, release_ns = params["release_us"] * 1000
    cdef int64_t cycles = params["cycles"]
    check_range(lo, hi, params["items"])
    for _ in range(lo, hi):
        gs_duty(hold_ns, release_ns, cycles * (hold_ns + release_ns))
    return hi - lo


include "isa.pxi"
