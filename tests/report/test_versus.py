"""What ``gilscope compare`` prints, and what stands on a page of several results."""

from __future__ import annotations

from gilscope.analysis.versus import versus
from gilscope.report.html import Source, render
from gilscope.report.versus import render_versus
from tests.report.documents import mandelbrot

OTHER = "Another processor"


def elsewhere(part: str, name: str, value: object) -> dict[str, object]:
    document = mandelbrot()
    document["environment"][part][name] = value
    return document


def test_the_table_says_what_differs_and_what_to_do() -> None:
    other = elsewhere("machine", "cpu_model", OTHER)
    text = render_versus(versus(mandelbrot(), other, limit=0.05), gate="slower:5%", width=100)
    assert "not comparable: different machines" in text
    assert f"{OTHER}\n" in text
    assert "measure both in one place; --anyway shows the ratios" in text
    assert "--fail-on slower:5% could not be decided for" in text


def test_ratios_that_were_asked_for_anyway_carry_the_caveat() -> None:
    other = elsewhere("machine", "cpu_model", OTHER)
    text = render_versus(versus(mandelbrot(), other, anyway=True), width=100)
    assert "1.00 [" in text
    assert "its ratios come from all of that" in text


def test_interpreters_are_sent_to_the_same_blocks() -> None:
    text = render_versus(versus(mandelbrot(), elsewhere("interpreter", "version", "3.99.0")), width=100)
    assert "gilscope run --python A --python B" in text


def test_a_page_of_two_machines_says_that_they_are_not_comparable() -> None:
    here, other = Source(document=mandelbrot()), Source(document=elsewhere("machine", "cpu_model", OTHER))
    caution = "Not comparable with the first result"
    assert caution not in render([here, here])
    page = render([here, other])
    assert page.count(caution) == 1
    assert OTHER in page
