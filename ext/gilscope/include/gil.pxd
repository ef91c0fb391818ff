# The lock as a parameter: the variants that hold and that release the GIL share one text and one loop.
#
#     cdef PyThreadState *saved = release_gil(release)
#     total = loop(...)            # noexcept nogil, touches no Python object
#     restore_gil(saved)

cdef extern from "Python.h":
    ctypedef struct PyThreadState:
        pass
    PyThreadState *PyEval_SaveThread() noexcept
    void PyEval_RestoreThread(PyThreadState *state) noexcept


cdef inline PyThreadState *release_gil(bint release) noexcept:
    """Release the GIL if asked to; pass the answer to restore_gil()."""
    return PyEval_SaveThread() if release else NULL


cdef inline void restore_gil(PyThreadState *saved) noexcept:
    """Take the GIL back if it was released."""
    if saved != NULL:
        PyEval_RestoreThread(saved)
