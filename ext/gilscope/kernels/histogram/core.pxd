# Counts of values in 256 bins. Four tables, because a count that was just stored cannot be loaded again at once.

from libc.stdint cimport int64_t
from libc.string cimport memset

cdef enum:
    BINS = 256
    TABLES = 4


cdef inline void count(const double *values, Py_ssize_t lo, Py_ssize_t hi, int64_t *bins) noexcept nogil:
    """Add the counts of values [lo, hi), each in [0, 1), to bins, shape (BINS,)."""
    cdef int64_t tables[TABLES * BINS]
    cdef Py_ssize_t i = lo
    cdef int table, bin
    memset(tables, 0, sizeof(tables))
    while i + TABLES <= hi:
        for table in range(TABLES):
            # The mask keeps a value that is not in [0, 1), or NaN, from writing outside of the table.
            tables[table * BINS + (<int> (values[i + table] * BINS) & (BINS - 1))] += 1
        i += TABLES
    while i < hi:
        tables[<int> (values[i] * BINS) & (BINS - 1)] += 1
        i += 1
    for table in range(TABLES):
        for bin in range(BINS):
            bins[bin] += tables[table * BINS + bin]
