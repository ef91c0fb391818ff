"""Charts as files: complete without the page, in the theme asked for."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET

import pytest

from gilscope.analysis import analyse
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.report.charts import View
from gilscope.report.palette import THEMES
from gilscope.report.picture import as_png, available, picture
from gilscope.results import load
from tests.report.answers import answer, mandelbrot
from tests.report.roofs import write_with_roofs


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> View:
    path = tmp_path_factory.mktemp("example") / "result.jsonl"
    write_with_roofs(path)
    measured = load(path)
    return View(analyse(measured), measured=measured)


def test_the_example_has_every_chart_of_one_interpreter(example: View) -> None:
    names = ["heatmap", "speedups", "scaling", "stack", "roofline", "prediction", "losses", "gil", "timeline"]
    assert available(example) == names


@pytest.mark.parametrize("name", ["heatmap", "speedups", "scaling", "stack", "losses", "gil", "timeline"])
@pytest.mark.parametrize("theme", THEMES)
def test_a_picture_is_valid_and_needs_no_style_from_outside(example: View, name: str, theme: str) -> None:
    svg = picture(example, name, theme=theme)
    root = ET.fromstring(svg)
    assert float(root.get("width", 0)) > 0
    assert "var(" not in svg
    assert "@media" not in svg
    assert THEMES[theme]["page"] in svg
    assert "mandelbrot" in svg
    assert "triad" in svg


def test_one_kernel_alone(example: View) -> None:
    assert "triad" not in picture(example, "scaling", kernel="mandelbrot")


def test_png_has_two_pixels_for_one(example: View) -> None:
    pytest.importorskip("vl_convert", reason="PNG needs vl-convert-python, of the extra [report]")
    svg = picture(example, "gil")
    png = as_png(svg)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", png[16:20])[0] == round(2 * float(ET.fromstring(svg).get("width", 0)))


def test_without_its_renderer_png_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(UnavailableError, match=r"pip install 'gilscope\[report\]'"):
        as_png("<svg/>")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": "scalling"}, "did you mean 'scaling'"),
        ({"name": "metg"}, "the charts it has are heatmap, speedups"),
        ({"name": "scaling", "kernel": "nbody"}, "there are mandelbrot"),
        ({"name": "scaling", "theme": "grey"}, "known are light, dark"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_what_can(arguments: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        picture(View(mandelbrot()), **arguments)


def test_an_empty_result_has_no_chart() -> None:
    assert available(View(answer([]))) == []
