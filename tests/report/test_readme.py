"""The README shows what the program prints, and nothing it does not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from gilscope.registry import EXECUTORS, IMPLEMENTATIONS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def updater() -> ModuleType:
    """The script that fills the README."""
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "docs/update_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_output_in_the_readme_is_what_the_program_prints(updater: ModuleType) -> None:
    assert updater.filled(README) == README, "run: python docs/update_readme.py"


def test_the_example_tells_nothing_of_the_machine_it_came_from(updater: ModuleType) -> None:
    assert not re.findall(r'"/(?:home|work|root|Users|tmp)/[^"]*"', updater.EXAMPLE.read_text(encoding="ascii"))


@pytest.mark.parametrize("words", [IMPLEMENTATIONS, EXECUTORS], ids=["implementations", "executors"])
def test_the_readme_names_every_word(words: tuple[str, ...]) -> None:
    assert " ".join(words) in README


def test_the_readme_lists_every_option_of_run() -> None:
    import typer.main

    from gilscope.cli.app import app

    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert options - {"--json", "--help"} <= set(re.findall(r"\| `(--[\w-]+)", README))


def test_links_in_the_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
