# Placements by bit masks, row by row. A bit of `left` and `right` is a column that a diagonal reaches in this row.

from libc.stdint cimport int64_t, uint32_t


cdef inline int64_t place(
    uint32_t full, uint32_t columns, uint32_t left, uint32_t right, int64_t *nodes
) noexcept nogil:
    """Complete placements below this row; counts every queen that is placed."""
    cdef uint32_t free = full & ~(columns | left | right), queen
    cdef int64_t solutions = 0
    if columns == full:
        return 1
    while free:
        queen = free & (~free + 1)
        free ^= queen
        nodes[0] += 1
        solutions += place(full, columns | queen, (left | queen) << 1, (right | queen) >> 1, nodes)
    return solutions


cdef inline int64_t pair(Py_ssize_t item, Py_ssize_t n, int64_t *nodes) noexcept nogil:
    """Placements with queens in columns item // n and item % n of the first two rows."""
    cdef uint32_t full = (<uint32_t> 1 << n) - 1
    cdef uint32_t first = <uint32_t> 1 << (item // n), second = <uint32_t> 1 << (item % n)
    cdef uint32_t left = first << 1, right = first >> 1
    if n == 1:
        nodes[0] += 1
        return 1
    if second & (first | left | right):
        return 0
    nodes[0] += 1
    return place(full, first | second, (left | second) << 1, (right | second) >> 1, nodes)
