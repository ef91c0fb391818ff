"""The README shows what the program prints, and nothing it does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import update
from pages import quiet, sessions

from gilscope.cli.app import app
from gilscope.cli.options import options_of
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS
from gilscope.env.checks import Check

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


KEPT = [name for name, page in update.PAGES.items() if page.files and name != "reliability"]  # its report is not kept


@pytest.mark.parametrize("name", KEPT)
def test_a_page_is_what_is_laid_out_from_kept_files(name: str) -> None:
    files = update.PAGES[name].files
    assert files is not None
    stale = [path.name for path, text in files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], f"run: python docs/update.py {name}"


def test_only_named_parts_are_measured_and_then_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    monkeypatch.setattr(quiet, "busy_now", lambda: "")
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


BUSY = {"name": "load", "status": "warning", "message": "1.7 of 2 CPUs are busy: something else is running"}
FREE = {"name": "load", "status": "ok", "message": "0.1 of 2 CPUs are busy"}


def test_a_program_that_is_just_ending_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = iter([BUSY, BUSY, FREE])
    monkeypatch.setattr(quiet, "run_checks", lambda *_: [Check(**next(checks))])
    monkeypatch.setattr(quiet.time, "sleep", lambda _: None)
    assert quiet.busy_now() == ""
    monkeypatch.setattr(quiet, "run_checks", lambda *_: [Check(**BUSY)])
    assert quiet.busy_now() == BUSY["message"]


def test_nothing_is_measured_beside_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "busy_now", lambda: BUSY["message"])
    monkeypatch.setattr(update, "PAGES", {"page": update.Page(pytest.fail, ("one",), dict)})
    with pytest.raises(SystemExit, match=r"^nothing is measured: 1\.7 of 2 CPUs are busy: something else is running$"):
        update.main(["page", "--measure"])


@pytest.mark.parametrize(
    ("check", "shown", "why"),
    [
        (BUSY, "1.98 [1.97, 1.99]", "1.7 of 2 CPUs are busy"),
        (FREE, "threads  1.98 [-] +", "an interval has no ends, too few blocks: threads"),
        (FREE, "held 12 ±?%", "an interval has no ends"),
        (FREE, "+ scales  ? undecided  G held back by the GIL", "a case is undecided"),
    ],
)
def test_a_measurement_that_tells_too_little_is_not_kept(
    check: dict[str, str], shown: str, why: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text("before")
    with pytest.raises(SystemExit) as stopped:
        quiet.keep(kept, "after", [check], shown)
    assert str(stopped.value).startswith(f"kept.jsonl stays as it was: {why}")
    assert "\n" not in str(stopped.value)
    assert kept.read_text() == "before"


def test_a_quiet_measurement_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    quiet.keep(kept, "after", [FREE], "1.98 [1.97, 1.99] + #2\n+ scales  G held back by the GIL")
    assert kept.read_text() == "after"


def test_the_readme_shows_a_quiet_measurement() -> None:
    example, _ = sessions.SESSIONS["profile"]
    environment = json.loads(example.read_text(encoding="ascii").partition("\n")[0])["environment"]
    assert quiet.objection(environment["checks"], sessions.section("profile")) == ""


@pytest.mark.parametrize("example", sorted((ROOT / "docs/examples").glob("*.json*")), ids=lambda path: path.stem)
def test_an_example_tells_nothing_of_the_machine_it_came_from(example: Path) -> None:
    assert not re.findall(r'"/(?:home|work|root|Users|tmp)/[^"]*"', example.read_text(encoding="utf-8"))


@pytest.mark.parametrize("words", [IMPLEMENTATIONS, EXECUTORS], ids=["implementations", "executors"])
def test_the_page_of_commands_names_every_word(words: tuple[str, ...]) -> None:
    assert " ".join(words) in COMMANDS


def test_the_page_of_commands_explains_no_option_that_is_gone() -> None:
    explained = set(re.findall(r"^\| `--([\w-]+)", COMMANDS, re.MULTILINE))
    assert explained
    assert explained <= set(options_of("run"))


def test_the_page_of_commands_explains_every_verb() -> None:
    verbs = [*(command.name for command in app.registered_commands), *(group.name for group in app.registered_groups)]
    assert [verb for verb in verbs if f"`gilscope {verb}" not in COMMANDS] == []


def test_the_readme_is_short_and_names_the_ways_in() -> None:
    assert len(README.splitlines()) <= 120
    for command in ("make run", "make test", "pytest --benchmark-only", "gilscope profile", "gilscope audit --call"):
        assert command in README


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_in_the_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")):
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", path.read_text(encoding="utf-8")):
            page = path.parent / target if target else path
            assert page.exists(), f"{path.name} links to {target}"
            assert not anchor or anchor in _anchors(page), f"{path.name} links to {target}#{anchor}"
