"""Several OpenMP runtimes in one process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gilscope.env import openmp
from tests.pythons import need_compiler

SITE = "/env/lib/python3.14/site-packages"
OPENBLAS = {"user_api": "blas", "filepath": f"{SITE}/numpy.libs/libscipy_openblas64_-1.so"}


def runtime(path: str) -> dict[str, Any]:
    return {"user_api": "openmp", "filepath": path}


def test_one_runtime_is_fine_however_many_use_it() -> None:
    found = openmp.judge([OPENBLAS, runtime("/usr/lib/libgomp.so.1.0.0"), runtime("/usr/lib/libgomp.so.1.0.0")])
    assert (found.status, found.message) == ("ok", "one OpenMP runtime: libgomp.so.1.0.0")


def test_none_is_fine() -> None:
    assert openmp.judge([OPENBLAS]).status == "ok"


def test_two_are_a_warning_that_names_who_brought_them() -> None:
    bundled = runtime(f"{SITE}/gilscope.libs/libgomp-f9a9ad78.so.1.0.0")
    apple = runtime(f"{SITE}/sklearn/.dylibs/libomp.dylib")
    found = openmp.judge([bundled, apple, runtime("/usr/lib/libgomp.so.1.0.0")])
    assert found.status == "warning"
    assert found.message.startswith("3 OpenMP runtimes meet in one process (")
    for owner in ("of gilscope", "libomp.dylib of sklearn", "libgomp.so.1.0.0 of the system"):
        assert owner in found.message
    assert "--implementations cy_prange" in found.cure


def test_what_cannot_be_found_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmp, "_LOOK", "raise SystemExit('no threadpoolctl')")
    found = openmp.check()
    assert (found.status, found.message.rpartition(": ")[2]) == ("unknown", "no threadpoolctl")


def test_modules_that_are_missing_load_nothing() -> None:
    assert openmp.judge(openmp.look(["no_such_module_at_all"])).status == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="the second runtime is a copy of libgomp, which only Linux has")
def test_a_second_copy_of_the_runtime_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = subprocess.run(
        [need_compiler(), "-print-file-name=libgomp.so.1"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(where).is_absolute():
        pytest.skip("this compiler has no libgomp")
    folder = tmp_path / "other.libs"
    folder.mkdir()
    shutil.copyfile(where, folder / "libgomp-copy.so.1")
    loader = "import ctypes; ctypes.CDLL({!r})\n"
    (tmp_path / "one.py").write_text(loader.format(where))
    (tmp_path / "two.py").write_text(loader.format(str(folder / "libgomp-copy.so.1")))
    monkeypatch.chdir(tmp_path)
    assert openmp.judge(openmp.look(["one"])).status == "ok"
    found = openmp.judge(openmp.look(["one", "two"]))
    assert found.status == "warning"
    assert "libgomp-copy.so.1 of other" in found.message
