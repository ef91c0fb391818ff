"""crc32 in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport uint8_t, uint32_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.crc32.core cimport LANES, group


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute the checksums of blocks [lo, hi)."""
    cdef Pins pins
    cdef Py_ssize_t count = params["blocks"], nbytes = params["block_bytes"], first
    cdef const uint8_t *data
    cdef const uint32_t *table
    cdef uint32_t *crcs
    cdef PyThreadState *saved
    check_range(lo, hi, count)
    pins.count = 0
    try:
        data = <const uint8_t *> pin(&pins, buffers, "data", c"B", count * nbytes, False)
        table = <const uint32_t *> pin(&pins, buffers, "table", c"I", 256, False)
        crcs = <uint32_t *> pin(&pins, buffers, "crcs", c"I", count, True)
        saved = release_gil(release)
        first = lo
        while first < hi:
            group(data, table, crcs, first, hi, nbytes)
            first += LANES
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
