"""Tables and sentences tell several interpreters apart; a single unnamed one leaves them as they are."""

from __future__ import annotations

import dataclasses
from typing import Any

from gilscope.analysis.interpreters import Price
from gilscope.analysis.rows import CaseRow
from gilscope.core.cases import Case
from gilscope.report.sentences import closing
from gilscope.report.sentences.environment import interpreter_notes
from gilscope.report.terminal import render
from tests.report.answers import NOT_SAMPLED, answer, changed, estimate, mandelbrot, row
from tests.report.sentences.test_notes import said

LISTED = {
    "label": "3.13t",
    "implementation": "CPython",
    "version": "3.13.5",
    "free_threaded": True,
    "gil_enabled": False,
    "executable": "~/python",
}


def across(case: str, interpreter: str, enabled: bool | None, **more: Any) -> CaseRow:
    """Return a row of one of several interpreters."""
    return row(f"{case}!{interpreter}", gil=dataclasses.replace(NOT_SAMPLED, enabled=enabled), **more)


ROWS = [
    across("primes/cy_gil@serial#M", "3.11", True),
    across("primes/cy_gil@serial#M", "3.13t", False),
    across("primes/cy_gil@threads*2#M", "3.11", True, speedup=0.98),
    across("primes/cy_gil@threads*2#M", "3.13t", False, speedup=1.95),
]


def test_every_row_shows_its_interpreter_and_the_state_its_gil_really_had() -> None:
    text = render(answer(ROWS), width=120)
    assert "Python" in text.partition("rates in")[2].splitlines()[1]
    assert text.count("3.11 on") == 2
    assert text.count("3.13t off") == 2


def test_a_gil_that_came_back_shows() -> None:
    assert "3.13t on" in render(answer([across("primes/cy_gil@serial#M", "3.13t", True)]), width=120)


def test_rows_without_an_interpreter_have_no_column_for_it() -> None:
    assert "Python" not in render(mandelbrot(), width=120).partition("rates in")[2].splitlines()[1]


def test_the_table_fits_eighty_columns() -> None:
    table = render(answer(ROWS), width=80).partition("rates in")[2]
    assert max(map(len, table.splitlines())) <= 80


def test_serial_rows_of_two_interpreters_are_both_kept() -> None:
    assert list(answer(ROWS).by_kernel["primes"]) == ROWS


def test_sentences_name_the_interpreter() -> None:
    text = closing(answer(ROWS), "primes")
    assert "cy_gil on 3.11 0.98x" in text
    assert "Without a GIL threads give cy_gil on 3.13t 1.95x" in text


def test_what_is_missing_is_said_of_the_interpreter_that_lacks_it() -> None:
    missing = [
        across("primes/nb_gil@serial#M", label, None, status="unavailable", reason="no release")
        for label in ("3.13t", "3.13t+gil")
    ]
    present = [across("primes/nb_gil@serial#M", "3.11", True)]
    assert said(answer([*present, *missing]), "n/a") == ["nb_gil on 3.13t and 3.13t+gil: no release"]


def test_each_interpreter_is_introduced() -> None:
    shown = interpreter_notes(answer(ROWS, environment={"interpreters": [LISTED]}).surroundings)
    assert list(shown) == [("3.13t", "CPython 3.13.5, free-threaded build, GIL off, ~/python")]
    assert list(interpreter_notes(mandelbrot().surroundings)) == []


def test_a_price_has_its_interval_and_names_both_sides() -> None:
    case, versus = (Case.parse(f"primes/py_loop@serial#M!{label}") for label in ("3.13t", "3.13t+gil"))
    found = changed(answer(ROWS), prices=(Price(case=case, versus=versus, time_ratio=estimate(1.08)),))
    assert said(found, "price") == ["one thread on 3.13t takes, relative to 3.13t+gil: py_loop 1.08x [1.07, 1.09]"]
