"""The names gilscope knows: kernels, implementations, executors, in the order they are shown.

Adding a kernel or an executor means adding its folder or file and its name here; tests compare them.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence

from gilscope.core.errors import UnknownNameError

__all__ = ["EXECUTORS", "FLAGSHIPS", "IMPLEMENTATIONS", "KERNELS", "PINS", "PROBES", "QUICK", "REFERENCES", "SCALINGS",
           "SCHEDULES", "SIZES", "START_METHODS", "TRANSPORTS", "check_executors", "check_names", "id_of", "is_engine",
           "nearest"]  # fmt: skip

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
PROBES = ("spin", "sleep", "mixed", "imbalance", "counters", "counters_padded", "shared_object", "private_object",
          "duty")  # fmt: skip
FLAGSHIPS = ("mandelbrot", "nbody", "triad", "crc32")
QUICK = ("mandelbrot", "triad")  # one that computes and one that waits for memory: there is time to decide on both

IMPLEMENTATIONS = ("py_loop", "np_vec", "np_blas", "std_c", "cy_gil", "cy_nogil", "cy_prange", "nb_gil", "nb_nogil",
                   "nb_prange")  # fmt: skip
EXECUTORS = ("serial", "threads", "processes", "interpreters", "native", "dask", "loky")
REFERENCES = ("threadpool", "processpool")  # of the standard library, only to compare with: not offered by run
START_METHODS = ("fork", "forkserver", "spawn")
TRANSPORTS = ("shm", "pickle")
SCALINGS = ("strong", "weak")
SCHEDULES = ("static", "dynamic")
PINS = ("none", "cores", "smt")
SIZES = ("XS", "S", "M", "L")

_ABBREVIATED = 3  # letters from which the beginning of a name stands for it
_ALMOST = 0.8  # similarity of two names that differ by a slip
_SOME = 4  # ids that are named where several are meant


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is nearly ``word``, begins with it, or is most like it; None when none is close."""
    names, word = list(known), word.lower()
    begun = [name for name in names if len(word) >= _ABBREVIATED and name.startswith(word)]
    found = difflib.get_close_matches(word, names, n=1, cutoff=_ALMOST)
    found = found or (begun if len(begun) == 1 else difflib.get_close_matches(word, names, n=1, cutoff=0.5))
    return found[0] if found else None


def id_of(text: str, ids: Collection[str], where: str, lists: str) -> str:
    """Return the one id that is a text, holds it, or has all its words among its parts.

    ``f@threads*2``, ``f threads 2`` and a row as copied from a table will do. Raises UnknownNameError if there is none
    in ``where``, with the nearest and what ``lists`` them, or several, with some of them.
    """
    text = text.strip()
    if text in ids:
        return text
    words = set(re.split(r"[\s/@*#~!]+", text)) - {"", "on"}  # 'f@threads*2 on 3.13t' is what tables call a row
    found = [one for one in ids if text in one] or [one for one in ids if words and words <= _parts(one)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:_SOME]) + (", ..." if len(found) > _SOME else "")
        raise UnknownNameError(f"{text!r} may be {some}: say more of it")
    close = nearest(text, ids)
    hint = f"did you mean {close!r}? " if close else ""
    raise UnknownNameError(f"no case {text!r} in {where}: {hint}{lists}")


def _parts(identity: str) -> set[str]:
    """Split a case id into its words, of processes with and without how they start."""
    return {*re.split(r"[/@*#~!]", identity), *re.split(r"[/@*#~.]", identity.partition("!")[0])}


_ENGINE = re.compile(r"futures:[A-Za-z_]\w*(?:(?:\.\w+)*:\w+)?")


def is_engine(executor: str) -> bool:
    """Whether an executor is somebody else's: ``futures:module:factory`` or ``futures:name``."""
    return _ENGINE.fullmatch(executor) is not None


def check_executors(names: Sequence[str], known: Sequence[str] = EXECUTORS) -> tuple[str, ...]:
    """Return ``names`` without repetitions, of executors that are known or somebody else's; else UnknownNameError."""
    check_names("executor", [name for name in names if not is_engine(name)], known)
    return tuple(dict.fromkeys(names))


def check_names(what: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return ``names`` without repetitions; UnknownNameError suggests the nearest of ``known`` and lists all."""
    for name in names:
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close!r}? " if close else ""
            raise UnknownNameError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}")
    return tuple(dict.fromkeys(names))
