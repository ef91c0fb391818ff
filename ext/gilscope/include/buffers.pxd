# Pinned Py_buffers, header-only. Typed memoryviews would do, but crash in sub-interpreters (double free).
#
#     cdef Pins pins
#     pins.count = 0
#     try:
#         out = <int *> pin(&pins, buffers, "counts", b"i", width * height, True)
#         ...
#     finally:
#         unpin(&pins)

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

cdef enum:
    MAX_PINS = 8

cdef struct Pins:
    Py_buffer views[MAX_PINS]
    int count


cdef inline void *pin(
    Pins *pins, object buffers, str name, char format, Py_ssize_t items, bint writable
) except? NULL:
    """Pin buffers[name], a contiguous buffer of at least `items` values of `format`; unpin() releases it."""
    cdef Py_buffer *view = &pins.views[pins.count]
    if pins.count == MAX_PINS:
        raise SystemError(f"buffer {name!r}: no more than {MAX_PINS} buffers can be pinned at once")
    PyObject_GetBuffer(buffers[name], view, PyBUF_ND | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0))
    pins.count += 1
    # A missing format means bytes (PEP 3118).
    cdef bint fits = (format == c"B") if view.format == NULL else (view.format[0] == format and view.format[1] == 0)
    if not fits:
        raise TypeError(f"buffer {name!r} must have format {chr(format)!r}")
    if items < 0 or view.len // view.itemsize < items:
        raise ValueError(f"buffer {name!r} holds {view.len // view.itemsize} items, {items} are needed")
    return view.buf


cdef inline void unpin(Pins *pins) noexcept:
    """Release whatever is pinned; safe after a failed pin()."""
    while pins.count > 0:
        pins.count -= 1
        PyBuffer_Release(&pins.views[pins.count])


cdef inline int check_range(Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t extent) except -1:
    """Refuse a chunk that is not within [0, extent)."""
    if not 0 <= lo <= hi <= extent:
        raise ValueError(f"chunk [{lo}, {hi}) does not lie within [0, {extent})")
    return 0


cdef inline int check_workers(int workers) except -1:
    """Refuse a number of threads below one."""
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    return 0
