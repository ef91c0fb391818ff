"""What users install: the sdist builds the wheel, the wheel runs where there is no compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


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
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An sdist, and the wheel built from what is inside it, not from this tree."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, GILSCOPE_ISA="portable")
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def test_the_sdist_has_every_source(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files", "ext", "src"], cwd=ROOT, capture_output=True, text=True, check=False)
    expected = tracked.stdout.split() or [str(p.relative_to(ROOT)) for p in (ROOT / "src").rglob("*.py")]
    assert set(expected) - names == set()


def test_the_wheel_has_modules_and_no_sources(built: tuple[Path, Path]) -> None:
    names = zipfile.ZipFile(built[1]).namelist()
    compiled = {name.split(".")[0] for name in names if name.endswith((".so", ".pyd"))}
    wanted = {str(path.relative_to(ROOT / "ext").with_suffix("")) for path in (ROOT / "ext").rglob("*.pyx")}
    assert wanted <= compiled
    assert [name for name in names if name.endswith((".pyx", ".pxd", ".c", ".h"))] == []
    assert "gilscope/py.typed" in names
    assert "gilscope/kernels/mandelbrot/digests.json" in names


def test_the_wheel_runs_in_an_empty_environment_without_a_compiler(built: tuple[Path, Path], tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    reachable = subprocess.run(
        [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path / "probe", "typer"],
        capture_output=True,
        check=False,
    )
    if reachable.returncode:
        pytest.skip("no package index can be reached, so the wheel's dependencies cannot be installed")
    _run(
        python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", built[1], CC="/bin/false", CXX="/bin/false"
    )
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
