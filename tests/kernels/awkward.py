"""The smallest and the most awkward sizes of every kernel: nothing, one item, items that fill no vector.

As a script, runs all Cython implementations on them, each buffer in an allocation of its own, so that a sanitizer or
valgrind sees every access outside of one: ``python -m tests.kernels.awkward``.
"""

from __future__ import annotations

import sys

from gilscope import kernels
from gilscope.core.registry import KERNELS
from gilscope.core.spec import chunk_bounds

SIZES = {
    "mandelbrot": [
        {"w": 0, "h": 0, "max_iter": 5},
        {"w": 1, "h": 1, "max_iter": 1},
        {"w": 17, "h": 3, "max_iter": 0},
        {"w": 33, "h": 2, "max_iter": 13},
    ],
    "nbody": [{"n": 0, "steps": 1}, {"n": 1, "steps": 3}, {"n": 7, "steps": 0}, {"n": 65, "steps": 1}],
    "gemm": [{"n": 0}, {"n": 1}, {"n": 7}, {"n": 259}],
    "triad": [{"n": 0}, {"n": 1}, {"n": 13}],
    "jacobi2d": [{"n": 0, "steps": 1}, {"n": 2, "steps": 1}, {"n": 3, "steps": 2}, {"n": 21, "steps": 0}],
    "spmv": [{"rows": 0, "nnz": 0}, {"rows": 1, "nnz": 9}, {"rows": 7, "nnz": 76}],
    "histogram": [{"n": 0}, {"n": 1}, {"n": 1003}],
    "floyd_warshall": [{"n": 0}, {"n": 1}, {"n": 19}],
    "primes": [{"limit": 0}, {"limit": 3}, {"limit": 4}, {"limit": 401}],
    "nqueens": [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 5}],
    "crc32": [
        {"blocks": 0, "block_bytes": 8},
        {"blocks": 1, "block_bytes": 0},
        {"blocks": 1, "block_bytes": 24},
        {"blocks": 11, "block_bytes": 1000},
        {"blocks": 16, "block_bytes": 37},
    ],
    "montecarlo_pi": [{"n": 0}, {"n": 1}, {"n": 101}],
    "binary_trees": [{"trees": 0, "depth": 3}, {"trees": 1, "depth": 0}, {"trees": 3, "depth": 1}],
}
CHUNKS = 5
WORKERS = 3


def run_all() -> int:
    """Run every Cython implementation on every awkward size and on XS; return the number of runs."""
    runs = 0
    for name in KERNELS:
        spec = kernels.load(name)
        for params in (*SIZES[name], spec.sizes["XS"]):
            for impl in spec.impls:
                if impl.name.startswith("cy_") and not impl.unavailable:
                    specs = spec.layout(params)
                    # bytearray allocates what it holds and one byte; array.array allocates more.
                    own = {b.name: memoryview(bytearray(b.nbytes)).cast(b.format) for b in specs}
                    spec.make_inputs(params, own)
                    spec.reset(params, own)
                    function = kernels.resolve(name, impl)
                    if impl.gil == "own_threads":
                        function(WORKERS, params, own)
                    else:
                        for phase in range(spec.phases(params)):
                            for lo, hi in chunk_bounds(spec.extent(params), CHUNKS):
                                function(phase, lo, hi, params, own)
                    runs += 1
    return runs


if __name__ == "__main__":
    sys.stdout.write(f"{run_all()} runs\n")
