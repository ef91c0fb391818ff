"""``gilscope kernels``: a skeleton that is a working kernel, refused in one line where it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.core.errors import UsageError
from gilscope.kernels.skeleton import find_checkout, write_skeleton

ROOT = Path(__file__).resolve().parents[2]
NAME = "heat_ring"


def _copied(tmp_path: Path) -> Path:
    """Copy this checkout, without sources that would have to be built: only a new kernel has some."""
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=unwanted)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=unwanted)
    shutil.copytree(ROOT / "ext/gilscope/include", tmp_path / "ext/gilscope/include")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout to write into."""
    return _copied(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout into which nobody writes."""
    return _copied(tmp_path_factory.mktemp("checkout"))


def test_a_checkout_is_found_from_the_folders_below_it(untouched: Path) -> None:
    assert find_checkout(untouched / "src/gilscope") == untouched.resolve()


def test_elsewhere_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["kernels", "new", NAME]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "not in a source checkout" in line
    assert "inside the clone" in line
    assert not list(tmp_path.iterdir())


TAKEN = ["nbody", "spin", "digest", "_numba", "Heat", "3d", "heat-ring", "for", "", "../up", "wärme"]


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_is_written(
    name: str, untouched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(untouched)
    before = sorted(untouched.rglob("*")), (untouched / "src/gilscope/core/registry.py").read_text(encoding="utf-8")
    assert main(["kernels", "new", name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "choose another name" in line or "like heat3d" in line
    assert (
        sorted(untouched.rglob("*")),
        (untouched / "src/gilscope/core/registry.py").read_text(encoding="utf-8"),
    ) == before


def test_a_page_that_is_there_already_is_not_overwritten(checkout: Path) -> None:
    page = checkout / f"docs/kernels/{NAME}.md"
    page.parent.mkdir(parents=True)
    page.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=f"docs/kernels/{NAME}.md is there already"):
        write_skeleton(checkout, NAME)
    assert page.read_text(encoding="utf-8") == "mine"
    assert not (checkout / f"src/gilscope/kernels/{NAME}").exists()


def test_two_new_kernels_have_input_streams_of_their_own(checkout: Path) -> None:
    specs = [path for name in ("first", "second") for path in write_skeleton(checkout, name) if path.name == "spec.py"]
    numbers = {line for spec in specs for line in spec.read_text(encoding="utf-8").splitlines() if "_NUMBER =" in line}
    assert len(numbers) == len(specs) == 2


def test_the_word_is_entered_last_among_the_kernels(checkout: Path) -> None:
    before = (checkout / "src/gilscope/core/registry.py").read_text(encoding="utf-8")
    write_skeleton(checkout, NAME)
    after = (checkout / "src/gilscope/core/registry.py").read_text(encoding="utf-8")
    assert after == before.replace(")\nPROBES = (", f'    "{NAME}",\n)\nPROBES = (')


def test_an_unknown_verb_below_kernels_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "nwe"]) == 2
    assert "no such command: nwe, did you mean new?; 'gilscope kernels --help'" in capsys.readouterr().err


def test_kernels_alone_shows_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels"]) == 0
    out = capsys.readouterr().out
    assert "new " in out
    assert "digest " in out


def test_digests_of_a_kernel_that_is_not_built_are_refused_with_the_cure(checkout: Path) -> None:
    write_skeleton(checkout, NAME)
    done = python(checkout, "-m", "gilscope", "kernels", "digest", NAME)
    assert done.returncode == 1
    assert "not built for this interpreter; python setup.py build_ext --inplace" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def python(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, on the sources of the copy."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "NUMBA_CACHE_DIR": str(checkout / "cache")}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=900)


def succeeds(checkout: Path, *arguments: str) -> str:
    """Run Python in the copy and return what it printed; fail with what it complained about."""
    done = python(checkout, *arguments)
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.slow
def test_a_new_kernel_builds_lists_and_passes_the_conformance_tests(checkout: Path) -> None:
    pytest.importorskip("Cython", reason="builds the new kernel")
    said = succeeds(checkout, "-m", "gilscope", "kernels", "new", NAME)
    assert f"gilscope kernels digest {NAME}" in said
    succeeds(checkout, "setup.py", "build_ext", "--inplace")
    assert succeeds(checkout, "-m", "gilscope", "kernels", "digest", NAME) == f"{NAME}: XS, S, M, L\n"
    assert NAME in succeeds(checkout, "-m", "gilscope", "list")
    # The oracle is tested in the two suites, so all of them were collected for the new kernel.
    tests = ("tests/kernels", "tests/conformance", "tests/core/test_registry.py", "tests/test_layers.py")
    wanted = f"{NAME} or test_registry"
    said = succeeds(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", *tests, "-k", wanted)
    assert f"test_gives_the_right_answer_at_xs[{NAME}-py_loop]" in said
    assert f"test_the_answer_is_exact[{NAME}/cy_prange@native*3#XS]" in said
    assert f"test_the_gil_is_held_or_released_as_declared_from_cold_and_warm_caches[{NAME}]" in said


def test_what_is_written_is_as_the_linters_want_it(checkout: Path) -> None:
    pytest.importorskip("ruff", reason="the linter is not installed")
    written = [str(path) for path in write_skeleton(checkout, NAME) if path.suffix == ".py"]
    assert len(written) >= 6
    succeeds(checkout, "-m", "ruff", "check", "--no-cache", *written)
    succeeds(checkout, "-m", "ruff", "format", "--no-cache", "--check", *written)
