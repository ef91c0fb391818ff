"""Where the tests and ``make test-all`` find other interpreters, and what is said where there is none."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import interpreters

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A machine without another interpreter; call it with the lines of a program that builds one."""
    monkeypatch.setattr(interpreters, "TOOLS", tmp_path)
    monkeypatch.setattr(interpreters, "command_of", lambda word: None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(interpreters.VARIABLE, raising=False)
    caches = (interpreters.built, interpreters.found, interpreters.version)

    def provide(lines: str) -> None:
        program = tmp_path / interpreters.BUILDER
        program.write_text(f"#!{sys.executable}\nimport sys, time\n{lines}\n")
        program.chmod(0o755)

    for cached in caches:
        cached.cache_clear()
    yield provide
    for cached in caches:
        cached.cache_clear()


def test_one_that_is_named_comes_before_one_that_would_be_built(
    bare: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare("print('/built/python3.13t')")
    monkeypatch.setenv(interpreters.VARIABLE, "/named/python3.13t")
    assert list(interpreters.candidates(free_threaded=True)) == ["/named/python3.13t", "/built/python3.13t"]
    assert list(interpreters.candidates(free_threaded=False)) == ["/named/python3.13t"]


def test_a_build_that_fails_is_a_reason_and_no_error(bare: Callable[[str], None]) -> None:
    bare("sys.exit('checking\\nno compiler')")
    assert interpreters.found(free_threaded=True) is None
    assert interpreters.missing(free_threaded=True).endswith(f"{interpreters.BUILDER} failed: no compiler)")


def test_a_build_that_hangs_is_ended(bare: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    bare("import subprocess; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])")
    monkeypatch.setattr(interpreters, "BUILD_S", 0.2)
    assert interpreters.built()[0] == ""
    assert interpreters.missing(free_threaded=True).endswith("did not end within 0.2 s)")


def test_without_any_the_matrix_says_why_and_passes(
    bare: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    monkeypatch.setattr(sys, "argv", ["matrix.py", "--quick", "--free-threaded"])
    runpy.run_path(str(ROOT / ".ci" / "matrix.py"), run_name="__main__")
    [line] = capsys.readouterr().out.splitlines()
    assert "nothing tested without the GIL: no free-threaded Python: name one in GILSCOPE_TEST_PYTHONS" in line
    assert f"no {interpreters.BUILDER} on PATH or in" in line


def test_without_the_newest_the_matrix_says_why_and_passes(
    bare: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    monkeypatch.setattr(sys, "argv", ["matrix.py", "--newest"])
    runpy.run_path(str(ROOT / ".ci" / "matrix.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(interpreters.NEWEST)
    for name, line in zip(interpreters.NEWEST, lines, strict=True):
        assert f"nothing tested under {name}: no Python {name}: name one in GILSCOPE_TEST_PYTHONS" in line


def test_a_version_is_asked_for_by_its_name(bare: Callable[[str], None]) -> None:
    program = interpreters.TOOLS / "python"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('/built/python' + sys.argv[1])\n")
    program.chmod(0o755)
    assert interpreters.version("3.15t") == ("/built/python3.15t", "")


def test_an_interpreter_of_another_version_is_not_taken_for_it(
    bare: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(interpreters.VARIABLE, sys.executable)
    assert interpreters.version("3.99")[0] == ""
