"""None of our extension modules switches the GIL back on."""

from __future__ import annotations

import importlib.machinery
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import gilscope

ROOT = Path(gilscope.__file__).parent


def extension_modules() -> list[str]:
    """Names of all compiled modules of the installed package, for this interpreter."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or importlib.machinery.EXTENSION_SUFFIXES[0]
    files = [path.relative_to(ROOT.parent) for path in ROOT.rglob(f"*{suffix}")]
    return sorted(".".join([*path.parent.parts, path.name.removesuffix(suffix)]) for path in files)


def test_all_of_them_leave_it_off() -> None:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("this interpreter always has a GIL: runs on free-threaded builds")
    names = extension_modules()
    assert "gilscope.kernels.mandelbrot._cy" in names
    code = f"import sys, importlib; [importlib.import_module(n) for n in {names}]; sys.exit(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
