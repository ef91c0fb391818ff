"""What is said beside a table."""

from __future__ import annotations

import pytest

from gilscope.analysis.answer import Answer
from gilscope.analysis.to_json import json_schema
from gilscope.report.sentences.notes import notes_of
from tests.report.answers import answer, changed, control, document, mandelbrot, row
from tests.validators import keeps_to


def said(found: Answer, label: str) -> list[str]:
    """Return the notes of one kind about the only kernel."""
    (kernel,) = found.by_kernel
    return [text for note, text in notes_of(found, kernel) if note.label == label]


@pytest.mark.parametrize("made", [mandelbrot(), mandelbrot(interrupted=True), answer([])], ids=["full", "cut", "empty"])
def test_the_answers_of_these_tests_make_documents(made: Answer) -> None:
    keeps_to(document(made), json_schema)


def test_noisy_cases_are_named_together_with_one_cure() -> None:
    noisy = {"status": "too_noisy", "reason": "anywhere", "cure": "stop other programs"}
    cases = [row("mandelbrot/py_loop@threads*2#S", **noisy), row("mandelbrot/cy_gil@threads*2#M", **noisy)]
    (note,) = said(answer(cases), "noisy")
    assert "py_loop@threads*2, cy_gil@threads*2" in note
    assert note.count("stop other programs") == 1


@pytest.mark.parametrize(("blocks", "percent"), [(2, "50 %"), (3, "75 %"), (5, "93 %")])
def test_few_blocks_state_their_confidence(blocks: int, percent: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, blocks=blocks)]
    (note,) = said(answer(cases), "precision")
    assert percent in note
    assert "6 blocks give 95 %" in note


def test_the_control_of_the_memory_is_said_beside_that_of_the_cpus() -> None:
    found = changed(mandelbrot(), controls=[control("spin", 2, 1.94), control("isolated", 2, 1.7)])
    assert said(found, "machine") == [
        "machine's limit: spin(2) 1.94 [1.92, 1.96]; memory's limit: isolated cy_nogil(2) 1.70 [1.68, 1.72]"
    ]


def test_enough_blocks_need_no_word_about_confidence() -> None:
    (note,) = said(mandelbrot(), "precision")
    assert "confidence" not in note


@pytest.mark.parametrize(("half_width", "outcome"), [(0.03, "reached"), (0.08, "not reached: a larger --budget")])
def test_precision_is_held_against_what_was_asked(half_width: float, outcome: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, half_width=half_width)]
    (note,) = said(answer(cases), "precision")
    assert f"asked ±5 %, {outcome}" in note
    assert "12 blocks" in note


@pytest.mark.parametrize(("cases", "text"), [(25, ""), (26, "about 1 of the 26 "), (43, "about 2 of the 43 ")])
def test_a_table_of_many_cases_says_how_many_of_its_intervals_may_miss(cases: int, text: str) -> None:
    many = [row(f"mandelbrot/cy_nogil@threads*{workers}#M", speedup=1.9) for workers in range(2, cases + 2)]
    (note,) = said(answer(many), "precision")
    assert ("may miss the truth" in note) == bool(text)
    assert text in note


def test_a_reason_is_said_once_for_all_it_concerns() -> None:
    reason = {"status": "unavailable", "reason": "numba is not installed", "cure": "pip install 'gilscope[numba]'"}
    cases = [row(f"mandelbrot/{name}@serial#M", **reason) for name in ("nb_gil", "nb_nogil")]
    fork = {"status": "unavailable", "reason": "this platform cannot fork"}
    cases += [row("mandelbrot/py_loop@serial#S"), row("mandelbrot/py_loop@processes.fork*2#S", **fork)]
    assert said(answer(cases), "n/a") == [
        "py_loop (processes.fork): this platform cannot fork",
        "nb_gil, nb_nogil: numba is not installed; pip install 'gilscope[numba]'",
    ]


def test_the_largest_one_time_cost_of_each_kind_is_said() -> None:
    cases = [
        row("mandelbrot/nb_prange@native*2#M", one_time_s={"jit": 1.4, "import": 0.3}, jit_cache="cold"),
        row("mandelbrot/py_loop@processes*2#S", one_time_s={"start": 0.2, "import": 0.004}),
    ]
    assert said(answer(cases), "one-time") == [
        (
            "not in the rates, at most: starting workers 200 ms (py_loop@processes), import 300 ms (nb_prange@native), "
            "JIT (cold) 1.40 s (nb_prange@native)"
        )
    ]
