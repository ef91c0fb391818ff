"""crc32 in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport uint8_t, uint32_t

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.crc32.core cimport LANES, group


def cy_prange(int workers, params, buffers):
    """Compute all checksums; blocks cost the same, so each thread has a fixed share of the groups of LANES."""
    cdef Pins pins
    cdef Py_ssize_t count = params["blocks"], nbytes = params["block_bytes"], index
    cdef const uint8_t *data
    cdef const uint32_t *table
    cdef uint32_t *crcs
    check_workers(workers)
    pins.count = 0
    try:
        data = <const uint8_t *> pin(&pins, buffers, "data", c"B", count * nbytes, False)
        table = <const uint32_t *> pin(&pins, buffers, "table", c"I", 256, False)
        crcs = <uint32_t *> pin(&pins, buffers, "crcs", c"I", count, True)
        for index in prange((count + LANES - 1) // LANES, nogil=True, num_threads=workers, schedule="static"):
            group(data, table, crcs, index * LANES, count, nbytes)
    finally:
        unpin(&pins)


include "isa.pxi"
