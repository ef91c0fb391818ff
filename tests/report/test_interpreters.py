"""Tables and sentences tell several interpreters apart; a single unnamed one leaves them as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gilscope.env.environments import Environment, Record
from gilscope.env.interpreters import ListedEnvironment
from gilscope.report import facts, notes
from gilscope.report.environments import made_note, render_environments
from gilscope.report.interpreters import interpreter_notes, price_notes
from gilscope.report.terminal import render
from tests.report.documents import document, estimate, mandelbrot, row

LISTED = {
    "label": "3.13t",
    "implementation": "CPython",
    "version": "3.13.5",
    "free_threaded": True,
    "gil_enabled": False,
    "executable": "~/python",
}


def across(case: str, interpreter: str, enabled: bool | None, **more: Any) -> dict[str, Any]:
    """Return a row of one of several interpreters."""
    made = row(f"{case}!{interpreter}", **more)
    return {**made, "interpreter": interpreter, "gil": {**made["gil"], "enabled": enabled}}


ROWS = [
    across("primes/cy_gil@serial#M", "3.11", True),
    across("primes/cy_gil@serial#M", "3.13t", False),
    across("primes/cy_gil@threads*2#M", "3.11", True, speedup=0.98),
    across("primes/cy_gil@threads*2#M", "3.13t", False, speedup=1.95),
]


def test_every_row_shows_its_interpreter_and_the_state_its_gil_really_had() -> None:
    text = render(document(ROWS), width=120)
    assert "Python" in text.partition("rates in")[2].splitlines()[1]
    assert text.count("3.11 on") == 2
    assert text.count("3.13t off") == 2


def test_a_gil_that_came_back_shows() -> None:
    assert "3.13t on" in render(document([across("primes/cy_gil@serial#M", "3.13t", True)]), width=120)


def test_rows_without_an_interpreter_have_no_column_for_it() -> None:
    assert "Python" not in render(mandelbrot(), width=120).partition("rates in")[2].splitlines()[1]


def test_the_table_fits_eighty_columns() -> None:
    table = render(document(ROWS), width=80).partition("rates in")[2]
    assert max(map(len, table.splitlines())) <= 80


def test_serial_rows_of_two_interpreters_are_both_kept() -> None:
    assert [r["case"] for r in facts.of_kernel(document(ROWS), "primes")] == [r["case"] for r in ROWS]


def test_sentences_name_the_interpreter() -> None:
    text = notes.closing(document(ROWS), "primes")
    assert "cy_gil on 3.11 0.98x" in text
    assert "Without a GIL threads give cy_gil on 3.13t 1.95x" in text


def test_what_is_missing_is_said_of_the_interpreter_that_lacks_it() -> None:
    missing = [
        across("primes/nb_gil@serial#M", label, None, status="unavailable", reason="no release")
        for label in ("3.13t", "3.13t+gil")
    ]
    present = [across("primes/nb_gil@serial#M", "3.11", True)]
    assert notes.unavailable_notes([*present, *missing]) == ["nb_gil on 3.13t and 3.13t+gil: no release"]


def test_each_interpreter_is_introduced() -> None:
    shown = interpreter_notes({"environment": {"interpreters": [LISTED]}})
    assert shown == ["3.13t: CPython 3.13.5, free-threaded build, GIL off, ~/python"]
    assert interpreter_notes(mandelbrot()) == []


def test_a_price_has_its_interval_and_names_both_sides() -> None:
    price = {
        "kernel": "primes",
        "implementation": "py_loop",
        "interpreter": "3.13t",
        "versus": "3.13t+gil",
        "time_ratio": estimate(1.08),
    }
    (text,) = price_notes({"prices": [price]}, "primes")
    assert text == "one thread of 3.13t takes, over 3.13t+gil: py_loop 1.08x [1.07, 1.09]"
    assert price_notes({"prices": [price]}, "nbody") == []


def listed(name: str, problem: str = "", **facts: Any) -> ListedEnvironment:
    made = Environment(name=name, path=Path("/there") / name, record=Record(**facts))
    return ListedEnvironment(environment=made, problem=problem)


ENVIRONMENT = listed(
    "3.13t",
    python="3.13.5",
    free_threaded=True,
    libraries={"numpy": "2.4", "loky": "3.7"},
    base="~/python",
)


def test_the_list_says_what_can_be_used_and_how_to_mend_the_rest() -> None:
    broken = listed("3.99", "unfinished")
    text = render_environments([ENVIRONMENT, broken], "/there", width=120)
    assert "Python 3.13.5, free-threaded" in text
    assert "numpy 2.4" in text
    assert "ready" in text
    assert "unfinished; gilscope env add 3.99" in text
    assert "gilscope env add 3.13t" in render_environments([], "/there", width=120)


def test_what_was_made_says_how_to_use_it_and_what_is_missing() -> None:
    text = made_note(ENVIRONMENT, {"numba": "no release"})
    assert "without numba, whose cases will be n/a (no release)" in text
    assert text.endswith("gilscope run --python 3.13t --gil both")
