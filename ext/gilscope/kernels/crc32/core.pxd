# CRC-32, byte by byte. Each byte waits for the table look-up of the one before; blocks are independent, so LANES of
# them are computed at once and wait together.

from libc.stdint cimport uint8_t, uint32_t

cdef extern from *:
    """
    /* Where registers are short, GCC tuned for AMD keeps addresses in those of AVX-512, at a vmovq each time. */
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
    #pragma GCC target("tune=skylake-avx512")
    #endif
    """

cdef enum:
    LANES = 8


cdef inline void group(
    const uint8_t *data, const uint32_t *table, uint32_t *crcs, Py_ssize_t first, Py_ssize_t hi, Py_ssize_t nbytes
) noexcept nogil:
    """Checksums of blocks [first, min(first + LANES, hi)), each of nbytes bytes."""
    cdef uint32_t crc[LANES]
    cdef const uint8_t *block[LANES]
    cdef Py_ssize_t k
    cdef int lane
    for lane in range(LANES):
        crc[lane] = 0xFFFFFFFF
        block[lane] = data + min(first + lane, hi - 1) * nbytes  # spare lanes of the last group repeat its last block
    for k in range(nbytes):
        for lane in range(LANES):
            crc[lane] = table[(crc[lane] ^ block[lane][k]) & 0xFF] ^ (crc[lane] >> 8)
    for lane in range(<int> min(<Py_ssize_t> LANES, hi - first)):
        crcs[first + lane] = ~crc[lane]
