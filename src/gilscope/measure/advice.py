"""What helps where a library ended a case with words that do not say so."""

from __future__ import annotations

__all__ = ["fix_for"]

_CURES = {
    "workqueue threading layer": "install tbb, or set NUMBA_THREADING_LAYER=omp: Numba's workqueue bears no threads",
    "fork() called from a process already using GNU OpenMP": "use --start-method forkserver or spawn",
    "no locator available": "set NUMBA_CACHE_DIR to a folder that can be written",
}


def fix_for(said: str) -> str:
    """Return the cure for what was raised or printed last; empty where none is known."""
    return next((cure for words, cure in _CURES.items() if words in said), "")
