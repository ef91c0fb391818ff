"""What tests need that is not everywhere: a free-threaded interpreter, a C compiler. Tests skip without it."""

from __future__ import annotations

import shutil
import sys
import sysconfig

import pytest

from tests import interpreters


def need_free_threaded() -> str:
    """Return the path of a free-threaded interpreter, this one for choice, or skip the test with the reason."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return sys.executable
    found = interpreters.found(free_threaded=True)
    if found is None:
        pytest.skip(interpreters.missing(free_threaded=True))
    return found


def need_version(name: str) -> str:
    """Return the path of an interpreter of a version such as 3.15t, or skip the test with the reason."""
    path, reason = interpreters.version(name)
    if not path:
        pytest.skip(reason)
    return path


def need_compiler() -> str:
    """Return the path of a C compiler, or skip the test with the reason."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("no C compiler on PATH")
    return found
