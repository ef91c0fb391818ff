"""Other plain ways to write the kernels in Python: what ``py_loop`` must not be slower than.

Two per kernel, named ``<kernel>_<way>``, same contract and same answer as ``py_loop``, to the bit.
"""

from __future__ import annotations

from array import array
from collections import Counter
from functools import reduce
from itertools import pairwise, repeat
from math import isqrt, sqrt
from operator import mul

from gilscope.core.spec import Buffers, Params

MASK = 0xFFFF_FFFF_FFFF_FFFF


def mandelbrot_while(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    w, h, max_iter, counts = params["w"], params["h"], params["max_iter"], buffers["counts"]
    total = 0
    for y in range(lo, hi):
        ci = -1.25 + 2.5 * (y + 0.5) / h
        for x in range(w):
            cr = -2.0 + 2.5 * (x + 0.5) / w
            zr = zi = 0.0
            n = 0
            while n < max_iter:
                zr2, zi2 = zr * zr, zi * zi
                if zr2 + zi2 > 4.0:
                    break
                zi = 2.0 * zr * zi + ci
                zr = zr2 - zi2 + cr
                n += 1
            counts[y * w + x] = n
            total += n
    return total


def mandelbrot_complex(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    w, h, max_iter, counts = params["w"], params["h"], params["max_iter"], buffers["counts"]
    total = 0
    for y in range(lo, hi):
        ci = -1.25 + 2.5 * (y + 0.5) / h
        for x in range(w):
            c = complex(-2.0 + 2.5 * (x + 0.5) / w, ci)
            z = 0j
            n = max_iter
            for i in range(max_iter):
                if z.real * z.real + z.imag * z.imag > 4.0:
                    n = i
                    break
                z = z * z + c
            counts[y * w + x] = n
            total += n
    return total


def _move(i: int, acceleration: tuple[float, float, float], phase: int, params: Params, buffers: Buffers) -> None:
    n, positions, velocities = params["n"], buffers["positions"], buffers["velocities"]
    old, new = (3 * n, 0) if phase % 2 else (0, 3 * n)
    for axis, a in enumerate(acceleration):
        at = axis * n + i
        velocities[at] += 1e-3 * a
        positions[new + at] = positions[old + at] + 1e-3 * velocities[at]


def nbody_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n = params["n"]
    old = phase % 2 * 3 * n
    xs, ys, zs = (buffers["positions"][old + k * n : old + (k + 1) * n].tolist() for k in range(3))
    masses = buffers["masses"].tolist()
    for i in range(lo, hi):
        x, y, z = xs[i], ys[i], zs[i]
        ax = ay = az = 0.0
        for j in range(n):
            dx, dy, dz = xs[j] - x, ys[j] - y, zs[j] - z
            r2 = dx * dx + dy * dy + dz * dz + 1e-4
            f = masses[j] * (1.0 / (r2 * sqrt(r2)))
            ax += f * dx
            ay += f * dy
            az += f * dz
        _move(i, (ax, ay, az), phase, params, buffers)


def nbody_lists(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n = params["n"]
    old = phase % 2 * 3 * n
    xs, ys, zs = (buffers["positions"][old + k * n : old + (k + 1) * n].tolist() for k in range(3))
    masses = buffers["masses"].tolist()
    for i in range(lo, hi):
        x, y, z = xs[i], ys[i], zs[i]
        dxs, dys, dzs = [xj - x for xj in xs], [yj - y for yj in ys], [zj - z for zj in zs]
        r2s = [dx * dx + dy * dy + dz * dz + 1e-4 for dx, dy, dz in zip(dxs, dys, dzs, strict=True)]
        fs = [m * (1.0 / (r2 * sqrt(r2))) for m, r2 in zip(masses, r2s, strict=True)]
        # Not sum(): from 3.12 on it compensates, and the last bits differ.
        sums = []
        for ds in (dxs, dys, dzs):
            total = 0.0
            for product in map(mul, fs, ds):
                total += product
            sums.append(total)
        _move(i, (sums[0], sums[1], sums[2]), phase, params, buffers)


def gemm_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n = params["n"]
    a, b, c = buffers["a"].tolist(), buffers["b"].tolist(), buffers["c"]
    for i in range(lo, hi):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += a[i * n + k] * b[k * n + j]
            c[i * n + j] = total


def gemm_rows(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n, a, c = params["n"], buffers["a"], buffers["c"]
    flat = buffers["b"].tolist()
    b = [flat[k * n : (k + 1) * n] for k in range(n)]
    for i in range(lo, hi):
        row = [0.0] * n
        for k in range(n):
            factor = a[i * n + k]
            row = [x + factor * y for x, y in zip(row, b[k], strict=True)]
        c[i * n : (i + 1) * n] = array("d", row)


def triad_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    a, b, c = buffers["a"], buffers["b"], buffers["c"]
    for i in range(lo, hi):
        a[i] = b[i] + 3.0 * c[i]


def triad_views(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    b, c = buffers["b"][lo:hi], buffers["c"][lo:hi]
    buffers["a"][lo:hi] = array("d", [x + 3.0 * y for x, y in zip(b, c, strict=True)])


def jacobi2d_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n, planes = params["n"], buffers["planes"]
    old, new = (n * n, 0) if phase % 2 else (0, n * n)
    for i in range(lo + 1, hi + 1):
        for at in range(old + i * n + 1, old + (i + 1) * n - 1):
            value = (((planes[at] + planes[at - 1]) + planes[at + 1]) + planes[at - n]) + planes[at + n]
            planes[at - old + new] = 0.2 * value


def jacobi2d_lists(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n, planes = params["n"], buffers["planes"]
    old, new = (n * n, 0) if phase % 2 else (0, n * n)
    for i in range(lo + 1, hi + 1):
        a, c, b = (planes[old + k * n : old + (k + 1) * n].tolist() for k in (i - 1, i, i + 1))
        row = [0.2 * ((((c[j] + c[j - 1]) + c[j + 1]) + a[j]) + b[j]) for j in range(1, n - 1)]
        planes[new + i * n + 1 : new + (i + 1) * n - 1] = array("d", row)


def spmv_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    y, starts, columns, values, x = (buffers[name] for name in ("y", "starts", "columns", "values", "x"))
    for i in range(lo, hi):
        total = 0.0
        for k in range(starts[i], starts[i + 1]):
            total += values[k] * x[columns[k]]
        y[i] = total


def spmv_lists(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    starts, x = buffers["starts"][lo : hi + 1].tolist(), buffers["x"].tolist()
    first, last = starts[0], starts[-1]
    gathered = [x[column] for column in buffers["columns"][first:last].tolist()]
    products = list(map(mul, buffers["values"][first:last].tolist(), gathered))
    buffers["y"][lo:hi] = array("d", [sum(products[a - first : b - first]) for a, b in pairwise(starts)])


def histogram_list(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    bins = [0] * 256
    for value in buffers["values"][lo:hi].tolist():
        bins[int(value * 256)] += 1
    return bins


def histogram_counter(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    counts = Counter(map(int, map(mul, buffers["values"][lo:hi].tolist(), repeat(256))))
    return [counts[bin_] for bin_ in range(256)]


def floyd_warshall_indexed(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n, d = params["n"], buffers["d"]
    for i in range(lo, hi):
        first = d[i * n + phase]
        for j in range(n):
            path = first + d[phase * n + j]
            if path < d[i * n + j]:
                d[i * n + j] = path


def floyd_warshall_min(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    n, d = params["n"], buffers["d"]
    over = d[phase * n : (phase + 1) * n].tolist()
    for i in range(lo, hi):
        own = d[i * n : (i + 1) * n]
        first = own[phase]
        own[:] = array("i", map(min, own.tolist(), [first + more for more in over]))


def primes_all(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    primes = divisions = 0
    for n in range(max(lo, 2), hi):
        root = isqrt(n)
        divisor = next((d for d in range(2, root + 1) if n % d == 0), 0)
        primes += not divisor
        divisions += (divisor or root) - 1
    return [primes, divisions]


def primes_while(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    primes = divisions = 0
    for n in range(max(lo, 2), hi):
        d = 2
        while d * d <= n and n % d:
            d += 1
        prime = d * d > n
        primes += prime
        divisions += d - 1 - prime
    return [primes, divisions]


def nqueens_sets(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    n = params["n"]
    nodes = 0

    def place(row: int, columns: frozenset[int], down: frozenset[int], up: frozenset[int]) -> int:
        nonlocal nodes
        if row == n:
            return 1
        solutions = 0
        for c in range(n):
            if c not in columns and c - row not in down and c + row not in up:
                nodes += 1
                solutions += place(row + 1, columns | {c}, down | {c - row}, up | {c + row})
        return solutions

    total = 0
    for item in range(lo, hi):
        a, b = divmod(item, n)
        if abs(a - b) > 1:
            nodes += 1
            total += place(2, frozenset((a, b)), frozenset((a, b - 1)), frozenset((a, b + 1)))
    return [total, nodes]


def nqueens_stack(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    n = params["n"]
    full = (1 << n) - 1
    solutions = nodes = 0
    for item in range(lo, hi):
        a, b = 1 << item // n, 1 << item % n
        left, right = a << 1, a >> 1
        if b & (a | left | right):
            continue
        nodes += 1
        stack = [(a | b, (left | b) << 1, (right | b) >> 1)]
        while stack:
            columns, left, right = stack.pop()
            if columns == full:
                solutions += 1
                continue
            free = full & ~(columns | left | right)
            while free:
                queen = free & -free
                free ^= queen
                nodes += 1
                stack.append((columns | queen, (left | queen) << 1, (right | queen) >> 1))
    return [solutions, nodes]


def crc32_buffer(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    nbytes, data, table = params["block_bytes"], buffers["data"], buffers["table"]
    for block in range(lo, hi):
        crc = 0xFFFFFFFF
        for k in range(block * nbytes, (block + 1) * nbytes):
            crc = table[(crc ^ data[k]) & 0xFF] ^ crc >> 8
        buffers["crcs"][block] = crc ^ 0xFFFFFFFF


def crc32_reduce(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    nbytes, table = params["block_bytes"], buffers["table"].tolist()
    for block in range(lo, hi):
        data = buffers["data"][block * nbytes : (block + 1) * nbytes]
        last = reduce(lambda crc, byte: table[(crc ^ byte) & 0xFF] ^ crc >> 8, data, 0xFFFFFFFF)
        buffers["crcs"][block] = last ^ 0xFFFFFFFF


def _uniform(i: int) -> float:
    z = (i + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return ((z ^ z >> 31) >> 11) * 2.0**-53


def montecarlo_pi_calls(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    hits = 0
    for i in range(lo, hi):
        x, y = _uniform(2 * i), _uniform(2 * i + 1)
        if x * x + y * y <= 1.0:
            hits += 1
    return hits


def montecarlo_pi_sum(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    squares = [u * u for u in map(_uniform, range(2 * lo, 2 * hi))]
    return sum(x + y <= 1.0 for x, y in zip(squares[::2], squares[1::2], strict=True))


def binary_trees_lists(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    def make(depth: int) -> list[object]:
        return [make(depth - 1), make(depth - 1)] if depth else [None, None]

    def count(tree: list[object]) -> int:
        left, right = tree
        return 1 + count(left) + count(right) if left else 1  # type: ignore[arg-type]

    return sum(count(make(params["depth"])) for _ in range(lo, hi))


def binary_trees_levels(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> int:
    nodes = 0
    for _ in range(lo, hi):
        level: list[object] = [(None, None) for _ in range(1 << params["depth"])]
        while len(level) > 1:
            level = list(zip(level[::2], level[1::2], strict=True))
        stack = level
        while stack:
            left, right = stack.pop()  # type: ignore[misc]
            nodes += 1
            if left:
                stack += (left, right)
    return nodes
