"""The names gilscope knows: kernels, implementations, executors, in the order they are shown.

Adding a kernel or an executor means adding its folder or file and its name here; tests compare them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from gilscope.core.errors import UnknownNameError

__all__ = [
    "EXECUTORS",
    "FLAGSHIPS",
    "IMPLEMENTATIONS",
    "KERNELS",
    "PINS",
    "PROBES",
    "REFERENCES",
    "SCALINGS",
    "SCHEDULES",
    "SIZES",
    "START_METHODS",
    "TRANSPORTS",
    "check_names",
    "nearest",
]

KERNELS = (
    "mandelbrot",
    "nbody",
    "gemm",
    "triad",
    "jacobi2d",
    "spmv",
    "histogram",
    "floyd_warshall",
    "primes",
    "nqueens",
    "crc32",
    "montecarlo_pi",
    "binary_trees",
)
PROBES = (
    "spin",
    "sleep",
    "mixed",
    "imbalance",
    "counters",
    "counters_padded",
    "shared_object",
    "private_object",
    "duty",
)
FLAGSHIPS = ("mandelbrot", "nbody", "triad", "crc32")

IMPLEMENTATIONS = (
    "py_loop",
    "np_vec",
    "np_blas",
    "std_c",
    "cy_gil",
    "cy_nogil",
    "cy_prange",
    "nb_gil",
    "nb_nogil",
    "nb_prange",
)
EXECUTORS = ("serial", "threads", "processes", "interpreters", "native", "dask", "loky")
REFERENCES = ("threadpool", "processpool")  # of the standard library, only to compare with: not offered by run
START_METHODS = ("fork", "forkserver", "spawn")
TRANSPORTS = ("shm", "pickle")
SCALINGS = ("strong", "weak")
SCHEDULES = ("static", "dynamic")
PINS = ("none", "cores", "smt")
SIZES = ("XS", "S", "M", "L")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most similar to ``word``, or None when none is close."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def check_names(what: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return ``names`` without repetitions; UnknownNameError suggests the nearest of ``known`` and lists all."""
    for name in names:
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close!r}? " if close else ""
            raise UnknownNameError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}")
    return tuple(dict.fromkeys(names))
