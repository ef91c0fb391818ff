"""Whether this interpreter has a GIL right now, and on free-threaded builds what switched it back on."""

import sys
from dataclasses import dataclass

from gilscope.env.interpreter import free_threaded_build, gil_enabled


@dataclass(frozen=True, slots=True, kw_only=True)
class GilState:
    """State of the GIL."""

    enabled: bool
    free_threaded_build: bool
    reason: str = ""  # on a free-threaded build with the GIL: what switched it on, or why that is not known
    modules: tuple[str, ...] = ()  # loaded extensions that do not declare support; the first imported switched it on


def _undeclared() -> tuple[str, ...] | None:
    """Loaded extension modules without the declaration, in the order of their import; None if unknown."""
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
    if modules is None:
        reason = "switched on by an imported module; which one is not known on this version of Python"
    elif modules:
        reason = f"switched on by importing {modules[0]}, which does not declare support for running without it"
    else:
        reason = "switched on by a module that is no longer loaded"
    return GilState(enabled=True, free_threaded_build=True, reason=reason, modules=modules or ())
