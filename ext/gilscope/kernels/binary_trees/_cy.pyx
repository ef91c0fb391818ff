"""binary_trees in Cython: the objects of the Python version, made and walked by compiled code."""

from buffers cimport check_range


cdef tuple make(int depth):
    """A full tree of pairs; the pairs at the bottom hold None twice."""
    if depth == 0:
        return (None, None)
    return (make(depth - 1), make(depth - 1))


cdef Py_ssize_t count(tuple tree):
    """Number of pairs of a tree."""
    if tree[0] is None:
        return 1
    return 1 + count(<tuple> tree[0]) + count(<tuple> tree[1])


def cy_gil(phase, Py_ssize_t lo, Py_ssize_t hi, params, buffers):
    """Build and count trees [lo, hi); return the number of their nodes. Python objects need the GIL."""
    cdef int depth = params["depth"]
    cdef Py_ssize_t nodes = 0, tree
    check_range(lo, hi, params["trees"])
    for tree in range(lo, hi):
        nodes += count(make(depth))
    return nodes


include "isa.pxi"
