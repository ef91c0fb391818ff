"""How extensions are built and put in place."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parent.parent


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of setup.py, and what it hands to setuptools."""
    monkeypatch.chdir(ROOT)
    handed: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", handed.update)
    return {**runpy.run_path(str(ROOT / "setup.py")), **handed}


def test_a_library_that_is_in_use_keeps_its_content(script: dict[str, Any], tmp_path: Path) -> None:
    built, placed = tmp_path / "built.so", tmp_path / "placed.so"
    built.write_bytes(b"new")
    placed.write_bytes(b"old")
    with placed.open("rb") as in_use:  # as a process that has it mapped
        command = script["cmdclass"]["build_ext"](setuptools.Distribution())
        command.copy_file(str(built), str(placed))
        assert in_use.read() == b"old"
    assert placed.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built.so", "placed.so"]


def test_a_quick_build_is_asked_for_by_a_digit(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GILSCOPE_OPTIMIZE", raising=False)
    assert script["optimize_flag"]() == "-O3"
    monkeypatch.setenv("GILSCOPE_OPTIMIZE", "1")
    assert script["optimize_flag"]() == "-O1"
    monkeypatch.setenv("GILSCOPE_OPTIMIZE", "fast")
    with pytest.raises(SystemExit, match="write 0, 1, 2 or 3"):
        script["optimize_flag"]()


def test_every_kernel_has_a_twin_and_nothing_else_has(script: dict[str, Any]) -> None:
    names = {extension.name for extension in script["extensions"]()}
    twins = {extension.name.removesuffix("_v3") for extension in script["twins"](script["extensions"]())}
    assert twins == {name for name in names if name.rpartition(".")[2] in ("_cy", "_cy_omp")}


@pytest.mark.parametrize("choice", ["native", "portable"])
def test_twins_are_compiled_for_what_isa_h_asks_for(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    monkeypatch.setenv("GILSCOPE_ISA", choice)
    header = (ROOT / "ext/gilscope/include/isa.h").read_text(encoding="utf-8")
    asked = {
        f'__builtin_cpu_supports("{flag.removeprefix("-m")}")' for flag in script["isa_flags"]("gilscope.x._cy_v3")
    }
    assert {question for question in asked if question not in header} == set()


def test_a_portable_build_asks_for_no_instruction_set(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILSCOPE_ISA", "portable")
    assert script["isa_flags"]("gilscope.x._cy") == []
    monkeypatch.setenv("GILSCOPE_ISA", "fastest")
    with pytest.raises(SystemExit, match="write native or portable"):
        script["isa_flags"]("gilscope.x._cy")


@pytest.mark.parametrize(("target", "twins"), [("linux-aarch64", False), ("linux-x86_64", True)])
def test_twins_follow_the_processor_that_is_compiled_for(
    monkeypatch: pytest.MonkeyPatch, target: str, twins: bool
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **words: None)
    monkeypatch.setenv("_PYTHON_HOST_PLATFORM", target)
    assert runpy.run_path(str(ROOT / "setup.py"))["X86_64"] is twins


def test_the_readme_of_a_release_has_absolute_links_and_a_checkout_relative_ones(script: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script["description"]("") == readme
    released = script["description"]("https://example.org/gilscope")
    targets = re.findall(r"\]\(([^)]+)\)", released)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "](https://example.org/gilscope/blob/HEAD/docs/start.md)" in released
    assert "](https://example.org/gilscope/raw/HEAD/docs/images/report.png)" in released


@pytest.mark.slow
def test_the_metadata_has_the_readme_and_the_address_of_the_repository(tmp_path: Path) -> None:
    environ = {**os.environ, "GILSCOPE_URL": "https://example.org/gilscope/"}
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, timeout=120)
    metadata = (tmp_path / "gilscope.egg-info" / "PKG-INFO").read_text(encoding="utf-8")
    assert "Project-URL: Source, https://example.org/gilscope\n" in metadata
    assert "Description-Content-Type: text/markdown" in metadata
    assert "](https://example.org/gilscope/blob/HEAD/docs/start.md)" in metadata
