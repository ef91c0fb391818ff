"""How many OpenMP runtimes are loaded in one process: each has its own threads, which spin after every region.

Wheels bundle their runtime, so gilscope, Numba and scikit-learn may each have another copy. Nothing is loaded here: a
separate process imports what is installed and lists them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gilscope.env.checks import Check
from gilscope.env.child import NoReplyError, reply

NAME = "openmp"

LOADING_OPENMP = ("gilscope.kernels.mandelbrot._cy_omp", "numba.np.ufunc.omppool", "numpy",
                  "sklearn.utils._openmp_helpers")  # fmt: skip
"""Modules that load a runtime when imported, if they are installed."""

_TIMEOUT_S = 120.0  # Numba from a cold disk takes seconds

_LOOK = """
import importlib
def reply(*modules):
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:  # not installed, or broken: it loads no runtime
            pass
    import threadpoolctl
    return threadpoolctl.threadpool_info()
"""


def check() -> Check:
    """Tell whether more than one OpenMP runtime is loaded when everything installed that uses one is."""
    try:
        found = look()
    except NoReplyError as error:
        message = f"which OpenMP runtimes are loaded could not be found out: {error}"
        return Check(name=NAME, status="unknown", message=message)
    return judge(found)


def look(modules: Sequence[str] = LOADING_OPENMP) -> list[dict[str, Any]]:
    """Import modules in a process of its own and return what threadpoolctl finds there; NoReplyError if it fails."""
    found: list[dict[str, Any]] = reply(_LOOK, *modules, timeout_s=_TIMEOUT_S)
    return found


def judge(found: Sequence[Mapping[str, Any]]) -> Check:
    """Judge the runtimes found, as of ``threadpoolctl.threadpool_info()``."""
    paths = sorted({str(entry["filepath"]) for entry in found if entry["user_api"] == "openmp"})
    if not paths:
        return Check(name=NAME, status="ok", message="no OpenMP runtime is loaded by what is installed")
    if len(paths) == 1:
        return Check(name=NAME, status="ok", message=f"one OpenMP runtime: {Path(paths[0]).name}")
    names = ", ".join(_owner(path) for path in paths)
    return Check(
        name=NAME,
        status="warning",
        message=f"{len(paths)} OpenMP runtimes meet in one process ({names}): the threads of one spin while another "
        "computes",
        cure="measure one implementation with threads of its own at a time (--implementations cy_prange), or build "
        "all of them from source against the same runtime",
    )


def _owner(path: str) -> str:
    """Return the file's name, and the package that bundles it."""
    for folder in Path(path).parents:
        for ending in (".libs", ".dylibs"):
            if folder.name.endswith(ending):
                owner = folder.name.removesuffix(ending) or folder.parent.name
                return f"{Path(path).name} of {owner}"
    return f"{Path(path).name} of the system"
