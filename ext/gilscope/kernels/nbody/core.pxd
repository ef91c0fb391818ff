# One step of a range of bodies, LANES bodies at a time: the loop over j is outside, so every body still adds its
# partners in ascending order, and the lanes are independent.

from libc.math cimport sqrt

cdef enum:
    LANES = 8


cdef inline void block(
    Py_ssize_t first, Py_ssize_t hi, Py_ssize_t n, const double *old, double *new, double *velocities, const double *masses
) noexcept nogil:
    """Move bodies [first, min(first + LANES, hi)) from plane old to plane new, each of shape (3, n)."""
    cdef const double *xs = old
    cdef const double *ys = old + n
    cdef const double *zs = old + 2 * n
    cdef double x[LANES]
    cdef double y[LANES]
    cdef double z[LANES]
    cdef double ax[LANES]
    cdef double ay[LANES]
    cdef double az[LANES]
    cdef double dx, dy, dz, r2, f
    cdef Py_ssize_t i, j
    cdef int lane
    for lane in range(LANES):
        i = min(first + lane, hi - 1)  # spare lanes of the last block repeat its last body
        x[lane] = xs[i]
        y[lane] = ys[i]
        z[lane] = zs[i]
        ax[lane] = 0.0
        ay[lane] = 0.0
        az[lane] = 0.0
    for j in range(n):
        for lane in range(LANES):
            dx = xs[j] - x[lane]
            dy = ys[j] - y[lane]
            dz = zs[j] - z[lane]
            r2 = dx * dx + dy * dy + dz * dz + 1e-4
            f = masses[j] * (1.0 / (r2 * sqrt(r2)))
            ax[lane] += f * dx
            ay[lane] += f * dy
            az[lane] += f * dz
    for lane in range(<int> min(<Py_ssize_t> LANES, hi - first)):
        i = first + lane
        move(&velocities[i], x[lane], ax[lane], &new[i])
        move(&velocities[n + i], y[lane], ay[lane], &new[n + i])
        move(&velocities[2 * n + i], z[lane], az[lane], &new[2 * n + i])


cdef inline void move(double *v, double x, double a, double *moved) noexcept nogil:
    """One axis of one body: the velocity first, then the position with the new velocity."""
    v[0] += 1e-3 * a
    moved[0] = x + 1e-3 * v[0]
