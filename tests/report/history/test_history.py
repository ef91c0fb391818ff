"""Runs over time as people see them: terminal, page, badge, JSON, and the verb."""

from __future__ import annotations

import itertools
import json
import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gilscope.analysis.history import History, read_history
from gilscope.cli import FAILED, OK, main
from gilscope.report.history.badge import Badge, badge
from gilscope.report.history.page import history_page
from gilscope.report.history.text import render_history
from tests.analysis.planted_runs import WAYS, Truth, plant, write
from tests.report.page.browser import browser, executable

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return runs with a regression of each kind and a new machine before the second."""
    path = tmp_path_factory.mktemp("runs")
    plant(
        path,
        1,
        lambda run, case: (
            0.9 if run >= 8 and case == WAYS[0] else 1.0,
            1.1 if run >= 24 and case == WAYS[1] else 1.0,
        ),
        machine_at=18,
    )
    return path


@pytest.fixture(scope="module")
def found(folder: Path) -> History:
    return read_history(folder)


def test_the_terminal_says_what_changed_between_which_commits(found: History) -> None:
    text = render_history(found, width=120)
    runs = found.runs
    assert f"{WAYS[0]}: efficiency 0.95 [0.94, 0.96], then 0.85" in text
    assert f"between {runs[7].commit} and {runs[8].commit}" in " ".join(text.split())
    assert f"between {runs[23].commit} and {runs[24].commit}" in " ".join(text.split())
    assert "GIL share 60 ±1%, then 66 ±1%" in text
    assert re.search(r"new place +2026-01-19 +machine cpu_model: A, now B", text)
    assert text.rstrip().endswith("The newest of 30 runs show 1 regression.")
    assert max(len(line) for line in render_history(found, width=80).splitlines() if found.folder not in line) <= 80


def test_the_page_loads_nothing_and_marks_both_changes_and_the_machine(found: History) -> None:
    page = history_page(found)
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=|url\(|@import", page)
    assert "prefers-color-scheme:dark" in page
    pictures = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    assert len(pictures) == 6
    assert sum(len(one.findall(f".//{SVG}path[@class='worse']")) for one in pictures) == 2
    assert all(len(one.findall(f".//{SVG}path[@class='place']")) == 1 for one in pictures)
    assert {len(one.findall(f".//{SVG}circle")) for one in pictures} == {30}
    assert page.count("<h3>") == 3


def test_names_that_are_markup_stay_text(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"'
    truth = Truth(efficiency={WAYS[0]: 0.9}, held={WAYS[0]: 0.1}, machine={"cpu_model": "A"}, commit=evil)
    write(tmp_path, 1, truth, random.Random(1))
    other = Truth(efficiency={WAYS[0]: 0.9}, held={WAYS[0]: 0.1}, machine={"cpu_model": evil + "\x1b[2J"})
    write(tmp_path, 2, other, random.Random(1))
    page, text = history_page(read_history(tmp_path)), render_history(read_history(tmp_path), width=100)
    assert "<script" not in page
    assert "\x1b" not in text
    assert "\x1b" not in page


def test_the_badge_shows_the_fastest_case_and_its_regressions(found: History) -> None:
    assert badge(found).message == "1.61x on 2, 1 regression"
    assert badge(found, "nb_nogil") == Badge("parallel", "1.61x on 2", "#00704f")
    assert badge(found, "cy_nogil").color == "#7a5c00"
    svg = ET.fromstring(badge(found).svg)
    assert [one.text for one in svg.iter(f"{SVG}text")] == ["parallel", "1.61x on 2, 1 regression"]
    assert json.loads(badge(found).shields) == {
        "schemaVersion": 1, "label": "parallel", "message": "1.61x on 2, 1 regression", "color": "#a14400",
    }  # fmt: skip
    assert "http" not in badge(found).svg.replace("http://www.w3.org/2000/svg", "")


def test_the_verb_writes_page_and_badge_and_fails_on_a_regression(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / name for name in ("h.html", "b.svg", "b.json")]
    words = ["history", str(folder), "--html", str(files[0]), "--badge", str(files[1]), "--badge", str(files[2])]
    for status, more in ((OK, []), (FAILED, ["--fail-on-regression"])):  # twice: what is ours is overwritten
        assert main([*words, *more]) == status
    assert all(path.stat().st_size for path in files)
    capsys.readouterr()
    assert main(["history", str(folder), "--json"]) == OK
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "gilscope.history"
    assert [(one["case"], one["quantity"], one["first_run"], one["open"]) for one in document["changes"]] == [
        (WAYS[0], "efficiency", 8, False),
        (WAYS[1], "gil", 24, True),
    ]
    assert [one["run"] for one in document["breaks"]] == [18]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no folder 'nowhere': name one that holds results"),
        (["."], "no result in '.'"),
        ([".", "--badge", "b.png"], "--badge 'b.png' must end with .svg or .json"),
        (["{runs}", "--badge", "b.svg", "--case", "nothing"], "no case with 'nothing'"),
        (["{runs}", "--badge", "missing/b.svg"], "cannot write to 'missing/b.svg'"),
    ],
)
def test_bad_usage_is_one_line(
    words: list[str], message: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["history", *(word.replace("{runs}", str(folder)) for word in words)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.skipif(executable() is None, reason="no Chromium on this machine: apt-get install chromium")
def test_the_page_fits_a_telephone_and_a_desk_in_both_themes_in_a_browser(found: History, tmp_path: Path) -> None:
    path = tmp_path / "history.html"
    path.write_text(history_page(found), encoding="utf-8")
    papers = set()
    with browser() as tab:
        for width, scheme in itertools.product((400, 1280), ("light", "dark")):
            tab.size(width)
            tab.scheme(scheme)
            tab.open(path, ready="true")
            papers.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            assert tab.evaluate("document.querySelectorAll('svg').length") >= len(WAYS)
            assert not [
                event for event in tab.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
            ]
    assert len(papers) == 2
