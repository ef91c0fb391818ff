"""Other interpreters the tests may use: from ``GILSCOPE_TEST_PYTHONS``, paths separated as in PATH, else from PATH."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

FREE_THREADED = ("python3.15t", "python3.14t", "python3.13t")
_ASK = "import sysconfig, sys; sys.exit(not sysconfig.get_config_var('Py_GIL_DISABLED'))"


def is_free_threaded(python: str) -> bool:
    """Tell whether an interpreter is free-threaded; False if it does not run."""
    try:
        return subprocess.run([python, "-c", _ASK], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def find_free_threaded() -> str | None:
    """Return the path of a free-threaded interpreter, or None."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return sys.executable
    named = [path for path in os.environ.get("GILSCOPE_TEST_PYTHONS", "").split(os.pathsep) if path]
    on_path = [path for name in FREE_THREADED if (path := shutil.which(name))]
    return next((path for path in (*named, *on_path) if is_free_threaded(path)), None)


def need_free_threaded() -> str:
    """Return the path of a free-threaded interpreter, or skip the test with the reason."""
    found = find_free_threaded()
    if found is None:
        pytest.skip("no free-threaded interpreter: none in GILSCOPE_TEST_PYTHONS and no python3.13t or later on PATH")
    return found


def need_compiler() -> str:
    """Return the path of a C compiler, or skip the test with the reason."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("no C compiler on PATH")
    return found
