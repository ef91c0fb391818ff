"""nbody in plain Python."""

from math import sqrt

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Move bodies [lo, hi) by one step."""
    n = params["n"]
    positions, velocities = buffers["positions"], buffers["velocities"]
    old, new = (3 * n, 0) if phase % 2 else (0, 3 * n)
    xs, ys, zs = (positions[old + axis * n : old + (axis + 1) * n].tolist() for axis in range(3))
    bodies = list(zip(xs, ys, zs, buffers["masses"].tolist(), strict=True))
    for i in range(lo, hi):
        x, y, z, _ = bodies[i]
        ax = ay = az = 0.0
        for xj, yj, zj, m in bodies:
            dx = xj - x
            dy = yj - y
            dz = zj - z
            r2 = dx * dx + dy * dy + dz * dz + 1e-4
            f = m * (1.0 / (r2 * sqrt(r2)))
            ax += f * dx
            ay += f * dy
            az += f * dz
        for axis, x0, a in ((0, x, ax), (1, y, ay), (2, z, az)):
            at = axis * n + i
            v = velocities[at] + 1e-3 * a
            velocities[at] = v
            positions[new + at] = x0 + 1e-3 * v
