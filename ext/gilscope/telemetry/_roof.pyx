"""What the hardware can do, for ``telemetry.roof``."""

cdef extern from "_roof.h" nogil:
    const int CHAINS
    void gilscope_stream(int bits, int kernel, double *a, const double *b, const double *c, Py_ssize_t n)
    int gilscope_widest()
    void gilscope_peak(int bits, int fma, Py_ssize_t steps)


def stream(int bits, int kernel, size_t a, size_t b, size_t c, Py_ssize_t n):
    """Run scale (0), add (1) or triad (2) once over arrays of ``n`` doubles at these addresses.

    ``bits`` of the vectors: 256 or 512 where the CPU has them, else those that every CPU of the architecture has.
    """
    with nogil:  # GIL: not needed; SAFETY: the caller owns the arrays
        gilscope_stream(bits, kernel, <double *> a, <const double *> b, <const double *> c, n)


def widest():
    """Return the bits of the CPU's widest vectors of doubles; 0 where this build cannot use them."""
    return gilscope_widest()


def peak(int bits, bint fma, Py_ssize_t steps):
    """Multiply and add in all chains so many times; return the floating-point operations."""
    with nogil:  # GIL: not needed
        gilscope_peak(bits, fma, steps)
    return 2 * CHAINS * (bits // 64) * steps
