"""The work that `spread` gives to its peers: mandelbrot as gilscope measures it, on one thread and on two.

``python benchmarks/selfbench/spread_work.py -o FILE`` runs it under pyperf, ``python -m pytest`` of this file under
pytest-benchmark. The two threads live as long as the process and take every second chunk, as workers of gilscope do.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from gilscope import kernels

KERNEL, IMPLEMENTATION, SIZE, WORKERS, CHUNKS = "mandelbrot", "cy_nogil", "M", 2, 8


@cache
def _chunks() -> Callable[[int], None]:
    """Return a function that does every ``WORKERS``-th chunk from the one given on."""
    spec = kernels.load(KERNEL)
    params, placed = spec.sizes[SIZE], kernels.buffer_layout(spec, spec.sizes[SIZE])
    buffers = kernels.views(mmap.mmap(-1, placed[0]), placed)
    spec.make_inputs(params, buffers)
    impl = spec.impl(IMPLEMENTATION)
    assert impl is not None
    function, extent = kernels.resolve(KERNEL, impl), spec.extent(params)
    edges = [extent * number // CHUNKS for number in range(CHUNKS + 1)]

    def work(first: int) -> None:
        for number in range(first, CHUNKS, WORKERS):
            function(0, edges[number], edges[number + 1], params, buffers)

    return work


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS)


def one() -> None:
    """Do all chunks, one after the other."""
    for first in range(WORKERS):
        _chunks()(first)


def two() -> None:
    """Do all chunks, on two threads."""
    list(_pool().map(_chunks(), range(WORKERS)))


def test_one(benchmark: Any) -> None:
    """Measure one thread with pytest-benchmark."""
    benchmark(one)


def test_two(benchmark: Any) -> None:
    """Measure two threads with pytest-benchmark."""
    benchmark(two)


if __name__ == "__main__":
    import pyperf

    runner = pyperf.Runner()
    runner.bench_func("one", one)
    runner.bench_func("two", two)
