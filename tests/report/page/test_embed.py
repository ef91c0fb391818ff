"""What the page carries for download: everything where it fits, and it says what it left out."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from gilscope.analysis import Answer
from gilscope.analysis.to_json import to_json
from gilscope.report.page import page, texts
from gilscope.report.page.texts import packed
from tests.report.answers import document, mandelbrot
from tests.report.large import large


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_small_documents_are_carried_as_they_are() -> None:
    given = document(mandelbrot())
    assert packed(given).exact
    assert unpacked(packed(given).text) == given


def test_packing_the_same_twice_gives_the_same_bytes() -> None:
    assert packed(document(mandelbrot())) == packed(document(mandelbrot()))


def test_large_documents_lose_digits_first_and_are_left_out_then(monkeypatch: pytest.MonkeyPatch) -> None:
    given = document(large(200))
    exact = packed(given)
    monkeypatch.setattr(texts, "MAX_BYTES", len(exact.text) - 1)
    found = packed(given)
    assert not found.exact
    for whole, kept in zip(given["cases"], unpacked(found.text)["cases"], strict=True):
        assert kept["rate"]["value"] == pytest.approx(whole["rate"]["value"], rel=1e-4)
        assert kept.keys() == whole.keys()
    monkeypatch.setattr(texts, "MAX_BYTES", 0)
    assert packed(given).text == ""


def test_an_analysis_that_would_be_left_out_is_not_made_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(found: Answer, say: Any) -> dict[str, Any]:
        made.append(len(found.rows))
        return to_json(found, say)

    monkeypatch.setattr(page, "to_json", counted)
    monkeypatch.setattr(page, "_SAMPLED", 50)
    monkeypatch.setattr(texts, "MAX_BYTES", 10_000)
    monkeypatch.setattr(page, "MAX_BYTES", 10_000)
    assert page._analysis(large(400)).text == ""
    assert made == [50]
    monkeypatch.undo()
    assert page._analysis(large(400)).text
