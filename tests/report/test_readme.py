"""The README shows what the program prints, and nothing it does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import update

from gilscope.cli.options import options_of
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


KEPT = [name for name, page in update.PAGES.items() if page.files and name != "reliability"]  # its report is not kept


@pytest.mark.parametrize("name", KEPT)
def test_a_page_is_what_is_laid_out_from_kept_files(name: str) -> None:
    files = update.PAGES[name].files
    assert files is not None
    stale = [path.name for path, text in files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], f"run: python docs/update.py {name}"


def test_only_named_parts_are_measured_and_then_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    page = update.Page(measured.append, ("one", "two"), lambda: {tmp_path / "page.md": ", ".join(measured)})
    monkeypatch.setattr(update, "PAGES", {"page": page})
    for words, text in (["page"], ""), (["page/two", "--measure"], "two"), (["page", "--measure"], "two, one, two"):
        update.main(words)
        assert (tmp_path / "page.md").read_text() == text


@pytest.mark.parametrize(
    ("word", "why"),
    [("moon", "no page moon"), ("gil/moon", "no moon: gil has count, hash"), ("kernels", "nothing is kept of kernels")],
)
def test_a_page_that_cannot_be_written_is_refused(word: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        update.main([word])
    assert why in capsys.readouterr().err


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
