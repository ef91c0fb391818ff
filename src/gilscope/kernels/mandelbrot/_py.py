"""mandelbrot in plain Python."""

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    """Count the iterations of rows [lo, hi); return their sum."""
    w, h, max_iter = params["w"], params["h"], params["max_iter"]
    counts = buffers["counts"]
    crs = [-2.0 + 2.5 * (x + 0.5) / w for x in range(w)]
    iterations = range(max_iter)
    total = 0
    pixel = lo * w
    for y in range(lo, hi):
        ci = -1.25 + 2.5 * (y + 0.5) / h
        for cr in crs:
            zr = zi = 0.0
            n = max_iter
            for i in iterations:
                zr2 = zr * zr
                zi2 = zi * zi
                if zr2 + zi2 > 4.0:
                    n = i
                    break
                zi = 2.0 * zr * zi + ci
                zr = zr2 - zi2 + cr
            counts[pixel] = n
            pixel += 1
            total += n
    return total
