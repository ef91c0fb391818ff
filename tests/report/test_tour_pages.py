"""The pages of concepts are what their command writes from the tour's document."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pages import tour as tour_pages

from gilscope.tour import CHAPTERS, load_chapter
from gilscope.tour._program import shown as without_marks
from gilscope.tour._shown import Tour

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def tour() -> Tour:
    return Tour.of(json.loads((DOCS / "examples" / "tour.json").read_text(encoding="utf-8")))


def test_the_pages_and_pictures_are_those_of_the_tour(tour: Tour) -> None:
    files = tour_pages.written(tour)
    assert set(files) == {*(DOCS / "concepts").glob("*.md"), *(DOCS / "concepts" / "images").glob("*")}


def test_the_pages_show_every_experiment_there_is(tour: Tour) -> None:
    shown = {chapter.name: [e.name for e in chapter.experiments] for chapter in tour.chapters}
    assert shown == {name: [e.name for e in load_chapter(name).experiments] for name in CHAPTERS}


def test_the_programs_shown_are_the_ones_there_are(tour: Tour) -> None:
    shown = {e.title: e.source for chapter in tour.chapters for e in chapter.experiments}
    there = {e.title: without_marks(e.program) for name in CHAPTERS for e in load_chapter(name).experiments}
    assert shown == there, "run docs/update.py tour --measure"


def test_every_claim_held_when_the_pages_were_measured(tour: Tour) -> None:
    assert [e.name for chapter in tour.chapters for e in chapter.experiments if e.holds is False] == []


def test_no_page_shows_a_path_of_the_machine_it_was_measured_on(tour: Tour) -> None:
    assert not re.search(r"/(home|root|work|tmp)/", json.dumps(tour.to_json()))


def test_pictures_are_svg_with_a_title(tour: Tour) -> None:
    for chapter in tour.chapters:
        for name, text in tour_pages.pictures(chapter):
            assert ElementTree.fromstring(text).find("{http://www.w3.org/2000/svg}title") is not None, name


def test_a_figure_that_could_not_be_measured_is_not_available(tour: Tour) -> None:
    assert tour_pages.figure(tour, "cpu", "threads", "no such figure") == "n/a"
    with pytest.raises(KeyError):
        tour_pages.figure(tour, "cpu", "no such experiment", "wall")


def test_every_page_is_in_the_navigation() -> None:
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [path.name for path in (DOCS / "concepts").glob("*.md") if f"concepts/{path.name}" not in text]
    assert missing == []
