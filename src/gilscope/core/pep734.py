"""Where the sub-interpreters of PEP 734 are: in the standard library of 3.14, in a package for 3.13."""

import importlib
import sys
from typing import Any

BACKPORT = "interpreters_backport"  # what the package interpreters-pep-734 installs


def api() -> Any:
    """Return the module of PEP 734."""
    place = "concurrent.interpreters" if sys.version_info >= (3, 14) else f"{BACKPORT}.interpreters"
    return importlib.import_module(place)


def pool_class() -> Any:
    """Return ``InterpreterPoolExecutor``."""
    place = "concurrent.futures" if sys.version_info >= (3, 14) else f"{BACKPORT}.concurrent.futures.interpreter"
    return importlib.import_module(place).InterpreterPoolExecutor


_inside = False  # each interpreter has a copy of this module


def enter() -> None:
    """Mark this interpreter as a worker."""
    global _inside
    _inside = True


def inside() -> bool:
    """Whether the calling code runs in a sub-interpreter worker: its only thread is a main thread."""
    return _inside
