"""One case on a screen: its figures, the bar of its time, its rounds."""

from __future__ import annotations

import pytest

from gilscope.analysis import analyse
from gilscope.report.sentences.findings import LOSS_LABELS
from gilscope.report.terminal.case import BAR_LETTERS, find_case, render_case, stacked
from tests.analysis.causes import PLANTED, PROCESSES
from tests.analysis.rounds import Did, made_of, study
from tests.report.sentences.test_findings import parallel


def test_a_case_is_found_by_its_id_of_an_earlier_version() -> None:
    found = analyse(PLANTED["nested_parallelism"]())
    assert find_case(found, "mod:f/f_nested@threads*2#8").case.id == "mod:f/f@threads.all*2#8"


def test_the_bar_has_a_letter_for_every_part_by_its_size() -> None:
    made = study(PROCESSES, made_of(Did(cpu=50, rest=25, late=25), Did(cpu=50, queued=25, late=25)))
    found = analyse(made)
    text = render_case(found, parallel(found), made, width=80)
    bar = next(line for line in text.splitlines() if line.startswith("[="))
    assert len(bar) == 78
    assert {letter: bar.count(letter) for letter in "=dqb"} == {"=": 38, "d": 18, "q": 10, "b": 10}
    for said in ("= work of T(1) 50%", "d dispatch 25 ±1%", "q run queue 12 ±1%", "b blocked 12 ±1%"):
        assert said in facts_of(text)


@pytest.mark.parametrize("parts", [[0.5, 0.5], [1 / 3] * 3, [1.2, 0.0, 0.1], [0.001] * 7, [0.0], [1.0]])
@pytest.mark.parametrize("columns", [1, 10, 76])
def test_a_stacked_bar_is_as_wide_as_asked(parts: list[float], columns: int) -> None:
    letters = "abcdefgh"
    bar = stacked(list(zip(letters, parts, strict=False)), columns)
    assert len(bar) == columns
    for letter, part in zip(letters, parts, strict=False):
        assert abs(bar.count(letter) - columns * part / (sum(parts) or 1)) <= 1


def test_every_loss_has_a_letter_and_a_word() -> None:
    assert set(BAR_LETTERS) - {"work"} == set(LOSS_LABELS)
    assert len(set(BAR_LETTERS.values())) == len(BAR_LETTERS)


def facts_of(text: str) -> list[str]:
    """Return the lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_one_case_tells_ceilings_and_what_the_probe_saw() -> None:
    made = PLANTED["memory_bound"]()
    found = analyse(made)
    lines = facts_of(render_case(found, find_case(found, "triad/cy_nogil@threads*2#M"), made, width=120))
    for known in (
        "spin control 2.00 [2.00, 2.00]",
        "isolated 1.27 [1.27, 1.27] (of triad/cy_nogil@threads*2#M)",
        "lost to machine 0 ±1%, memory 37 ±1%, software 1 ±1%",
        "GIL no diagnostic round of this case was measured; give it a larger --budget",
    ):
        assert known in lines
    bound = PLANTED["gil_bound"]()
    lines = facts_of(render_case(analyse(bound), parallel(analyse(bound)), bound, width=120))
    for known in ("GIL held 100 ±2%", "threads waiting 1.00 [0.99, 1.01]", "hand-overs 200/s", "asked in vain 0 ±2%"):
        assert known in lines


def test_one_case_says_who_switched_the_gil_on() -> None:
    made = PLANTED["gil_re_enabled"]()
    lines = facts_of(render_case(analyse(made), parallel(analyse(made)), made, width=120))
    assert "GIL on by importing old" in lines
