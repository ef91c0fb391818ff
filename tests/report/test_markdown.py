"""``gilscope compare --format markdown``: the comment of a pull request."""

from __future__ import annotations

import pytest

from gilscope.analysis.compare import compare
from gilscope.cli import main
from gilscope.report.markdown import markdown_compare
from tests.report.answers import ENVIRONMENT, changed, mandelbrot, row


def test_speed_ups_of_both_are_shown_where_rates_cannot_be_compared() -> None:
    other = changed(mandelbrot(), environment={**ENVIRONMENT, "machine": {**ENVIRONMENT["machine"], "cpu_model": "Z"}})
    text = markdown_compare(compare(mandelbrot(), other))
    head, rule, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in (head, rule, *rows)} == {8}
    (found,) = [line for line in rows if "`mandelbrot/cy_nogil@threads*2#M`" in line]
    cells = [cell.strip() for cell in found.strip("|").split("|")]
    assert cells[1:3] == ["-", "not comparable: different machines"]
    assert cells[3] == cells[4] != "-"
    assert "not comparable: machine cpu\\_model:" in text


def test_what_a_file_says_is_not_markup_and_calls_nobody() -> None:
    bad = row("mandelbrot/py_loop@serial#S", status="failed", reason="<b>|\n@octocat [x](http://y) `z`")
    text = markdown_compare(compare(mandelbrot(), changed(mandelbrot(), rows=[bad])))
    (line,) = [line for line in text.splitlines() if "octocat" in line]
    assert "\\<b\\>\\| @\u2060octocat \\[x\\](http://y) \\`z\\`" in line


def test_the_format_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "b", "--format", "html"]) == 2
    assert "markdown" in capsys.readouterr().err
