"""What is said of a result beside another."""

from __future__ import annotations

from gilscope.report.sentences.compare import elsewhere_note
from tests.report.answers import ENVIRONMENT, changed, mandelbrot

OTHER = "Another processor"


def test_a_result_beside_one_of_another_machine_is_said_not_to_be_comparable() -> None:
    machine = {**ENVIRONMENT["machine"], "cpu_model": OTHER}
    other = changed(mandelbrot(), environment={**ENVIRONMENT, "machine": machine})
    note = elsewhere_note(mandelbrot(), other)
    assert note == f"Not comparable with the first result: machine cpu_model: A CPU there, {OTHER} here."
    assert elsewhere_note(mandelbrot(), mandelbrot()) == ""


def test_another_version_of_gilscope_is_said_too() -> None:
    other = changed(mandelbrot(), tool_version="0.2.0")
    assert "gilscope version: 0.1.0 there, 0.2.0 here" in elsewhere_note(mandelbrot(), other)
