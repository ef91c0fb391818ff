"""The short answer: one screen whatever the study, every cell decided as its row, nothing said twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gilscope import results
from gilscope.analysis import analyse
from gilscope.analysis.findings import FINDINGS, cure_of
from gilscope.analysis.matrix import matrix_of, outcome
from gilscope.core.registry import KERNELS
from gilscope.report.labels import MARKS
from gilscope.report.sentences.findings import sentence
from gilscope.report.terminal.answer import LINES, OWN_LINES, render_answer
from tests.analysis.causes import PLANTED
from tests.report.answers import answer, changed, control, mandelbrot, row

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "result.jsonl"


def _many(kernels: int, *, workers: tuple[int, ...] = (2,), ways: int = 6):
    names = (
        "py_loop@threads",
        "py_loop@processes",
        "cy_gil@threads",
        "cy_nogil@threads",
        "cy_prange@native",
        "nb_gil@threads",
    )
    cases = [f"{kernel}/{name}" for kernel in KERNELS[:kernels] for name in names[:ways]]
    rows = [row(f"{kernel}/py_loop@serial#M") for kernel in KERNELS[:kernels]]
    rows += [row(f"{case}*{count}#M", speedup=0.9 * count, findings=["scales"]) for case in cases for count in workers]
    controls = [
        control(role, 2, 1.97, of=kernel) for kernel in KERNELS[:kernels] for role in ("spin", "isolated", "A/A")
    ]
    return answer(rows, controls)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("kernels", [1, 4, 13])
def test_it_takes_a_screen_and_no_more_columns_than_there_are(kernels: int, width: int) -> None:
    lines = render_answer(_many(kernels), width=width).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= max(width, 80)  # a path is never broken


def test_a_study_of_many_ways_is_counted_and_not_cut_off_silently() -> None:
    rows = [row(f"mandelbrot/f{number}@threads*2#M", speedup=1.9, findings=["scales"]) for number in range(300)]
    text = render_answer(answer(rows), width=120)
    assert len(text.splitlines()) <= LINES
    assert "more lines: gilscope show --full" in text


def test_narrow_terminals_get_no_intervals_but_every_letter() -> None:
    wide, narrow = (render_answer(_many(4), width=width) for width in (120, 80))
    assert "[" in wide.split("\n")[4]
    assert "[" not in narrow.split("\n")[4]
    assert narrow.split("\n")[4].count("+") == 4


def test_fewer_workers_are_only_in_the_full_tables() -> None:
    found = matrix_of(_many(1, workers=(2, 4)))
    assert {each.case.workers for cells in found.rows for each in cells.values()} == {2}, "4 are more than the CPUs"
    assert found.left_out == 6


@pytest.mark.parametrize(
    ("codes", "status", "decides"),
    [
        (["scales"], "ok", "scales"),
        (["scales", "smt_limited"], "ok", "scales"),
        (["gil_bound", "imbalance"], "ok", "gil_bound"),
        (["scales", "not_repeatable"], "ok", "not_repeatable"),
        (["too_noisy", "gil_bound"], "too_noisy", "open"),
        ([], "ok", "open"),
        ([], "failed", "failed"),
    ],
)
def test_what_decides_about_a_case(codes: list[str], status: str, decides: str) -> None:
    assert outcome(row("mandelbrot/cy_nogil@threads*2#M", speedup=1.5, findings=codes, status=status)) == decides


def test_every_finding_and_status_has_a_letter_and_letters_mean_one_thing() -> None:
    assert {*FINDINGS} - {"too_noisy"} <= MARKS.keys()
    meanings: dict[str, set[str]] = {}
    for mark in MARKS.values():
        meanings.setdefault(mark.letter, set()).add(mark.meaning)
    assert all(len(found) == 1 for found in meanings.values())


def test_only_letters_that_are_used_are_explained() -> None:
    text = render_answer(_many(2), width=120)
    assert "+ scales" in text
    assert "held back" not in text


def test_the_machine_s_limit_stands_below_the_cases_it_was_measured_with() -> None:
    (line,) = (line for line in render_answer(_many(2), width=120).splitlines() if line.startswith("machine's limit"))
    assert line.split()[2:] == ["1.97", "1.97"]


def test_what_failed_or_is_missing_is_said_with_its_reason() -> None:
    bad = row("mandelbrot/py_loop@threads*2#S", status="wrong_result", reason="the third pixel is off")
    gone = row("mandelbrot/nb_nogil@threads*2#M", status="unavailable", reason="numba is not installed")
    text = render_answer(answer([*mandelbrot().rows, bad, gone]), width=120)
    assert "the third pixel is off" in text
    assert "numba is not installed" in text


def test_a_verdict_below_95_percent_is_called_provisional() -> None:
    few = row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, blocks=3)
    assert "Provisional, at 75 % confidence" in render_answer(answer([few]), width=120)


def test_the_same_numbers_as_in_the_full_tables_lead_to_the_same_rows() -> None:
    kept = analyse(results.load(EXAMPLE))
    text = render_answer(kept, width=120)
    for one in kept.rows:
        if not one.case.is_single and one.judged is not None:
            assert f"#{kept.numbers[one.case.id]}" in text


def test_of_a_function_the_first_line_is_the_answer_with_the_memory_of_each_way() -> None:
    rows = [
        row("m:f/f@serial#1", rate=100.0, pss_bytes=30 << 20),
        row("m:f/f@threads*2#1", rate=98.0, speedup=0.98, findings=["gil_bound"], pss_bytes=31 << 20),
        row("m:f/f@processes*2#1", rate=196.0, speedup=1.96, findings=["scales"], pss_bytes=90 << 20),
    ]
    own = changed(answer(rows), study={"functions": ["m:f"]})
    text = render_answer(own, width=100)
    lines = text.splitlines()
    assert lines[0] == "f: best with 2 processes, 1.96x [1.94, 1.98] over one call at a time."
    assert len(lines) <= OWN_LINES
    assert "0.98 [0.97, 0.99] G #2  31 MiB" in text
    assert "1.96 [1.94, 1.98] + #3  90 MiB" in text
    assert "10.0 ms a call, 30 MiB" in text
    assert "your own code" not in text


UNSAID = {"scales", "too_noisy", "smt_limited", "stolen"}  # planted, the last two reach the machine's limit


@pytest.mark.parametrize("code", sorted({*FINDINGS} - UNSAID))
@pytest.mark.parametrize("width", [80, 120])
def test_the_sentence_and_the_fix_of_every_finding_are_printed_whole(code: str, width: int) -> None:
    found = analyse(PLANTED[code]())
    (worst,) = [one for one in found.rows if one.speedup]
    said = next(one for one in worst.findings if one.code == code)
    text = render_answer(found, width=width)
    whole = " ".join(text.split())
    assert sentence(said, worst) in whole
    assert cure_of(code) in whole
    assert len(text.splitlines()) <= (OWN_LINES if found.is_own else LINES)


def test_a_long_reason_keeps_its_beginning_and_the_fix_at_its_end() -> None:
    long = f"the compiler said: {'nothing that helps, ' * 40}; pip install 'gilscope[numba]'"
    bad = row("mandelbrot/py_loop@threads*2#S", status="failed", reason=long)
    whole = " ".join(render_answer(answer([bad]), width=80).split())
    assert "the compiler said: nothing" in whole
    assert " ... " in whole
    assert "pip install 'gilscope[numba]'" in whole


def test_nothing_on_several_workers_is_an_answer_too() -> None:
    text = render_answer(answer([row("mandelbrot/py_loop@serial#S")]), width=80)
    assert "Nothing was measured on several workers" in text


def test_a_result_cannot_command_the_terminal() -> None:
    bad = dataclasses.replace(row("mandelbrot/py_loop@threads*2#S", status="failed"), reason="\x1b[2J gone")
    assert "\x1b" not in render_answer(answer([bad]), width=80)
