"""Which Python this is, and whether its GIL is on."""

import os
import platform
import sys
import sysconfig
from typing import Any


def free_threaded_build() -> bool:
    """Tell whether this interpreter was built to run without the GIL."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def gil_enabled() -> bool:
    """Tell whether the GIL is on now; on free-threaded builds an import can switch it back on."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())  # 3.13+


def interpreter_label(version: tuple[int, int], *, free_threaded: bool, gil: bool) -> str:
    """Return the name of an interpreter in case ids: ``3.13``, ``3.13t`` or ``3.13t+gil``."""
    return f"{version[0]}.{version[1]}" + ("t" if free_threaded else "") + ("+gil" if free_threaded and gil else "")


def describe() -> dict[str, Any]:
    """Return the properties of the running interpreter."""
    free_threaded, gil = free_threaded_build(), gil_enabled()
    return {
        "label": interpreter_label(sys.version_info[:2], free_threaded=free_threaded, gil=gil),
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "free_threaded": free_threaded,
        "gil_enabled": gil,
        "executable": without_home(sys.executable or ""),
        "compiler": platform.python_compiler(),
        "switch_interval_s": sys.getswitchinterval(),
    }


def without_home(path: str) -> str:
    """Write the home folder, whose name is usually the user's, as ``~``."""
    home = os.path.expanduser("~")
    if len(home) > 1 and path.startswith(home + os.sep):
        return "~" + path[len(home) :]
    return path
