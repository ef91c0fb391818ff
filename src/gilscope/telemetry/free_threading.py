"""Whether this interpreter has a GIL right now, and on free-threaded builds who switched it back on."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from gilscope.env.interpreter import free_threaded_build, gil_enabled

__all__ = ["GilState", "gil_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GilState:
    """State of the GIL.

    Parameters
    ----------
    enabled : bool
        Whether threads take turns right now.
    free_threaded_build : bool
        Whether this build could run without it.
    reason : str
        On a free-threaded build with the GIL: what switched it on, or why that is not known. Otherwise empty.
    modules : tuple of str
        Loaded extension modules that do not declare support for running without the GIL. The first of them to be
        imported switched it on.
    """

    enabled: bool
    free_threaded_build: bool
    reason: str = ""
    modules: tuple[str, ...] = ()


def _undeclared() -> tuple[str, ...] | None:
    """Loaded extension modules without the declaration, in the order they were imported; None if not knowable."""
    try:
        from gilscope.telemetry import _gilprobe
    except ImportError:
        return None
    names = _gilprobe.undeclared_modules(dict(sys.modules))
    return None if names is None else tuple(names)


def gil_state() -> GilState:
    """Find out whether the GIL is on and, on free-threaded builds, why."""
    enabled, build = gil_enabled(), free_threaded_build()
    if not (enabled and build):
        return GilState(enabled=enabled, free_threaded_build=build)
    if getattr(sys.flags, "gil", None) == 1:
        return GilState(enabled=True, free_threaded_build=True, reason="switched on by PYTHON_GIL=1 or -X gil=1")
    modules = _undeclared()
    if modules:
        reason = f"switched on by importing {modules[0]}, which does not declare support for running without it"
    elif modules is None:
        reason = "switched on by an imported module; which one is not known on this version of Python"
        modules = ()
    else:
        reason = "switched on by a module that is no longer loaded"
    return GilState(enabled=True, free_threaded_build=True, reason=reason, modules=modules)
