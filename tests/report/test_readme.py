"""The README shows what the program prints, and nothing it does not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from gilscope.cli.options import options_of
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = {"update_readme": "README.md", "update_interpreters": "docs/interpreters.md"}


def updater(name: str) -> ModuleType:
    """Load a script that fills a page."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=PAGES)
def test_the_output_in_a_page_is_what_the_program_prints(name: str, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert updater(name).filled(text) == text, f"run: python docs/{name}.py"


@pytest.mark.parametrize("example", sorted((ROOT / "docs/examples").glob("*.json*")), ids=lambda path: path.stem)
def test_an_example_tells_nothing_of_the_machine_it_came_from(example: Path) -> None:
    assert not re.findall(r'"/(?:home|work|root|Users|tmp)/[^"]*"', example.read_text(encoding="utf-8"))


@pytest.mark.parametrize("words", [IMPLEMENTATIONS, EXECUTORS], ids=["implementations", "executors"])
def test_the_readme_names_every_word(words: tuple[str, ...]) -> None:
    assert " ".join(words) in README


def test_the_readme_explains_no_option_that_is_gone() -> None:
    explained = set(re.findall(r"^\| `--([\w-]+)", README, re.MULTILINE))
    assert explained
    assert explained <= set(options_of("run"))


def test_links_in_the_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
