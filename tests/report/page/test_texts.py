"""What the script shows: texts by column, the order of each column, and where the rounds of a case are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.analysis import analyse
from gilscope.report.case_facts import WORK, facts_of, time_parts
from gilscope.report.charts import View
from gilscope.report.columns import columns_of
from gilscope.report.figures import NONE
from gilscope.report.page import texts
from gilscope.report.page.texts import texts_of
from gilscope.results import load
from tests.report.answers import answer, estimate, mandelbrot, row

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "result.jsonl"


@pytest.fixture(scope="module")
def example() -> View:
    measured = load(EXAMPLE)
    return View(analyse(measured), measured=measured)


def test_each_column_of_the_list_has_its_cells_and_their_order() -> None:
    given = mandelbrot()
    made = texts_of(View(given))
    columns = {title: (made["store"][cells], made["store"][ranks]) for title, _, _, cells, ranks in made["columns"]}
    assert list(columns) == [column.heading for column in columns_of("page")]
    assert columns["efficiency"][0] == [NONE, "49 ±1%", "93 ±1%", NONE, NONE, "96 ±1%", "95 ±1%", NONE, "96 ±1%", NONE]
    assert columns["speed-up"][1] == [None, 0, 1, None, None, 3, 2, None, 4, None]
    assert columns["workers"][1] == [0, 1, 1, 0, 0, 1, 1, 0, 1, 0]


def test_equal_columns_are_kept_once() -> None:
    made = texts_of(View(mandelbrot()))
    kept = [tuple(column) for column in made["store"]]
    assert len(set(kept)) == len(kept)
    efficiency = next(cells for title, _, _, cells, _ in made["columns"] if title == "efficiency")
    assert dict(made["facts"])["efficiency"] == efficiency


def test_the_facts_of_a_case_always_have_the_same_order(example: View) -> None:
    names = [tuple(name for name in facts_of(entry) if not name.startswith("worker ")) for entry in example.answer.rows]
    assert len(set(names)) == 1


def test_work_and_losses_add_up_and_bars_stay_in_their_track() -> None:
    lost = {"gil_wait": estimate(1.2), "inflation": estimate(-0.3), "omp_idle": None}
    one = row("nbody/py_loop@threads*2#S", losses=lost)
    assert sum(part.value for part in time_parts(one)) == pytest.approx(1.0)
    assert [part.name for part in time_parts(one)] == [WORK, "gil_wait", "inflation"]
    made = texts_of(View(answer([one])))
    assert [made["store"][width] for *_, width in made["shares"]] == [[10.0], [100.0], [0.0]]


def test_a_strip_puts_longer_rounds_higher(example: View) -> None:
    for number, strip in texts_of(example)["rounds"].items():
        entry = example.answer.rows[number]
        assert len(strip["places"]) == len(strip["texts"]) == entry.blocks
        assert all(0 < place < texts.STRIP_HEIGHT for place in strip["places"])
        high, low = strip["band"]
        assert high <= strip["median"] <= low


def test_rounds_are_left_out_where_the_page_would_grow_too_much(example: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_ROUNDS", 1)
    assert texts_of(example)["rounds"] == {}
