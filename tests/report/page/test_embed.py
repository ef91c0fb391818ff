"""What the page carries: everything where it fits, and it says what it left out."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from gilscope.report.html import embed
from gilscope.report.html.embed import packed
from tests.report.documents import mandelbrot
from tests.report.large import large


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_small_documents_are_carried_as_they_are() -> None:
    found = packed(mandelbrot())
    assert (found.exact, found.whole) == (True, True)
    assert unpacked(found.text) == mandelbrot()


def test_packing_the_same_twice_gives_the_same_bytes() -> None:
    assert packed(mandelbrot()) == packed(mandelbrot())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return large(200)


def test_large_documents_lose_digits_first(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    exact = packed(document)
    monkeypatch.setattr(embed, "MAX_BYTES", len(exact.text) - 1)
    found = packed(document)
    assert (found.exact, found.whole) == (False, True)
    for given, kept in zip(document["cases"], unpacked(found.text)["cases"], strict=True):
        assert kept["rate"]["value"] == pytest.approx(given["rate"]["value"], rel=1e-4)
        assert kept.keys() == given.keys()


def test_very_large_documents_keep_what_the_page_shows(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "MAX_BYTES", 0)
    found = packed(document)
    assert (found.exact, found.whole) == (False, False)
    for given, kept in zip(document["cases"], unpacked(found.text)["cases"], strict=True):
        assert kept["case"] == given["case"]
        assert kept["rate"]["low"] == pytest.approx(given["rate"]["low"], rel=1e-3)
        assert kept["rate"]["unit"] == given["rate"]["unit"]
        assert kept["losses"] is None or kept["losses"].keys() == given["losses"].keys()


def test_an_estimate_without_confidence_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "MAX_BYTES", 0)
    single = {"value": 1.0, "low": 1.0, "high": 1.0, "confidence": 0.0, "blocks": 1}
    assert unpacked(packed({"cases": [{"rate": single}]}).text)["cases"][0]["rate"]["confidence"] == 0
