"""What users install: the sdist builds the wheel, the wheel runs where there is no compiler."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
METADATA = (
    "Metadata-Version: 2.4\nName: gilscope\nRequires-Python: >=3.11\nLicense-Expression: MIT\n"
    "Provides-Extra: all\nProvides-Extra: numba\nProvides-Extra: report\nProvides-Extra: dask\n"
)


@pytest.fixture(scope="module")
def wheels() -> Any:
    """The program behind ``make wheels-local``."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "wheels.py")))


# The checks themselves, on wheels of empty files ----------------------------------------------------------------------


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheels: Any) -> Callable[..., Path]:
    """Make a wheel of empty files that passes, but for what is left out, added or replaced."""
    monkeypatch.setitem(wheels.check.__globals__, "_vectors", lambda wheel: ())

    def packed(*added: str, without: str = "", metadata: str = METADATA) -> Path:
        kept = (path for path in (ROOT / "src" / "gilscope").rglob("*") if path.suffix not in wheels.MADE)
        names = [path.relative_to(ROOT / "src").as_posix() for path in kept if path.is_file()]
        for source in (ROOT / "ext").rglob("*.pyx"):
            module = source.relative_to(ROOT / "ext").with_suffix("")
            names += [f"{module}.cpython-314-x86_64-linux-gnu.so", f"{module}_v3.cpython-314-x86_64-linux-gnu.so"]
        names += ["gilscope-0.1.0.dist-info/licenses/LICENSE", *added]
        file = tmp_path / "gilscope-0.1.0-cp314-cp314-linux_x86_64.whl"
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                if name != without:
                    archive.writestr(name, b"")
            archive.writestr("gilscope-0.1.0.dist-info/METADATA", metadata)
        return file

    return packed


def test_a_complete_wheel_passes(wheels: Any, pack: Callable[..., Path]) -> None:
    wheels.check(pack())


@pytest.mark.parametrize(
    "missing",
    [
        "gilscope/kernels/spin/_cy.cpython-314-x86_64-linux-gnu.so",
        "gilscope/kernels/spin/_cy.pyi",
        "gilscope/py.typed",
        "gilscope-0.1.0.dist-info/licenses/LICENSE",
    ],
)
def test_a_wheel_that_lacks_something_fails(wheels: Any, pack: Callable[..., Path], missing: str) -> None:
    with pytest.raises(SystemExit, match=r"is missing|is not compiled"):
        wheels.check(pack(without=missing))


@pytest.mark.parametrize("added", ["gilscope/kernels/spin/_cy.pyx", "tests/test_wheel.py", "gilscope/x.nbi"])
def test_a_wheel_with_something_foreign_fails(wheels: Any, pack: Callable[..., Path], added: str) -> None:
    with pytest.raises(SystemExit, match=r"does not belong into it|is outside of the package"):
        wheels.check(pack(added))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("License-Expression: MIT\n", "licence"),
        ("Provides-Extra: numba\n", "extras"),
        ("Requires-Python: >=3.11\n", "Requires-Python"),
    ],
)
def test_a_wheel_with_wrong_metadata_fails(wheels: Any, pack: Callable[..., Path], line: str, complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        wheels.check(pack(metadata=METADATA.replace(line, "")))


def test_this_interpreter_is_one_to_build_for(wheels: Any) -> None:
    [(label, path)] = wheels.interpreters([sys.executable]).items()
    assert label.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert path == sys.executable


def test_what_is_no_interpreter_is_refused(wheels: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"is no CPython 3\.11 or later"):
        wheels.interpreters([str(tmp_path)])


# One real wheel -------------------------------------------------------------------------------------------------------


def _run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(wheels: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portable wheel, built from what is inside the sdist, not from this tree; checked."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, GILSCOPE_ISA="portable")
    [built] = out.glob("*.whl")
    wheels.check(built)
    return built


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_environment_without_a_compiler(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    reachable = subprocess.run(
        [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path / "probe", "typer"],
        capture_output=True,
        check=False,
    )
    if reachable.returncode:
        pytest.skip("no package index can be reached, so the wheel's dependencies cannot be installed")
    _run(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", wheel, CC="/bin/false", CXX="/bin/false")
    bare = {"PATH": str(python.parent), "CC": "/bin/false", "PYTHONPATH": ""}
    command = [python.parent / "gilscope", "run", "mandelbrot", "--workers", "2", "--size", "XS", "--budget", "2"]
    done = _run(*command, "--json", "--out", tmp_path / "out", **bare)
    document = json.loads(done.stdout)
    status = {case["case"]: (case["status"], case["reason"]) for case in document["cases"]}
    assert status["mandelbrot/cy_prange@native*2#XS"] == ("ok", "")
    assert status["mandelbrot/py_loop@processes*2#XS"] == ("ok", "")
    [missing] = [entry for case, entry in status.items() if "nb_prange" in case]
    assert missing[0] == "unavailable"
    assert "numba" in missing[1]
