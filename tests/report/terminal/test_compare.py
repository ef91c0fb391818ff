"""What ``gilscope compare`` prints."""

from __future__ import annotations

from gilscope.analysis import Answer
from gilscope.analysis.compare import compare
from gilscope.report.terminal import render_compare
from tests.report.answers import ENVIRONMENT, changed, mandelbrot, row

OTHER = "Another processor"


def elsewhere(part: str, name: str, value: object) -> Answer:
    return changed(mandelbrot(), environment={**ENVIRONMENT, part: {**ENVIRONMENT[part], name: value}})


def test_the_table_says_what_differs_and_what_to_do() -> None:
    other = elsewhere("machine", "cpu_model", OTHER)
    text = render_compare(compare(mandelbrot(), other, limit=0.05), gate="slower:5%", width=100)
    assert "not comparable: different machines" in text
    assert f"{OTHER}\n" in text
    assert "measure both in one place; --anyway shows the ratios" in text
    assert "--fail-on slower:5% could not be decided for" in text


def test_ratios_that_were_asked_for_anyway_carry_the_caveat() -> None:
    other = elsewhere("machine", "cpu_model", OTHER)
    text = render_compare(compare(mandelbrot(), other, anyway=True), width=100)
    assert "1.00 [" in text
    assert "its ratios come from all of that" in text


def test_interpreters_are_sent_to_the_same_blocks() -> None:
    text = render_compare(compare(mandelbrot(), elsewhere("interpreter", "version", "3.99.0")), width=100)
    assert "gilscope run --python A --python B" in text


def test_what_a_file_says_does_not_command_the_terminal() -> None:
    bad = row("mandelbrot/py_loop@serial#S", status="failed", reason="\x1b[2J\x9bgone")
    other = changed(mandelbrot(), rows=[bad])
    for color in (False, True):
        text = render_compare(compare(mandelbrot(), other), width=100, color=color)
        assert "gone" in text
        assert "\x1b[2J" not in text
        assert "\x9b" not in text
