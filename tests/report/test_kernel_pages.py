"""Every kernel has a page; its table comes from an analysis and is never typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import kernels as pages

from gilscope import kernels
from gilscope.core.registry import KERNELS
from tests.kernels.harness import Workbench
from tests.report.answers import mandelbrot

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/kernels"


def test_the_pages_are_those_of_the_kernels() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(KERNELS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_page_says_what_why_and_how_fast(kernel: str) -> None:
    page = (PAGES / f"{kernel}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {kernel}\n")
    assert re.findall(r"^## (.*)", page, re.MULTILINE) == ["Why it scales, or does not", "Measured"]
    assert "\n\n    " in page, "the formula"
    bench = Workbench(kernels.load(kernel), "XS")
    oracle = bench.spec.impl("py_loop")
    assert oracle is not None
    work = bench.spec.work(bench.params, bench.run(oracle))
    assert f"Work unit: {work.unit}" in " ".join(page.split())
    assert "NEW" in pages.filled(page, kernel, "NEW")


def test_a_page_without_its_section_is_refused() -> None:
    with pytest.raises(ValueError, match="0 sections"):
        pages.filled("# triad\n", "triad", "text")


def test_filling_twice_is_filling_once() -> None:
    page = "before\n<!-- output:triad -->\nold\n<!-- /output -->\nafter\n"
    once = pages.filled(page, "triad", r"a \1 new")
    assert once == "before\n<!-- output:triad -->\na \\1 new\n<!-- /output -->\nafter\n"
    assert pages.filled(once, "triad", r"a \1 new") == once


def test_the_table_has_the_figures_of_the_analysis() -> None:
    text = pages.section(mandelbrot(), "mandelbrot", ["gilscope", "run", "mandelbrot"])
    assert text.startswith("    $ gilscope run mandelbrot\n\nCPython")
    assert [line for line in text.splitlines() if line.startswith("| cy_")] == [
        "| cy_nogil | M | threads | 360 M ±1% | 690 M ±1% | 1.92 [1.90, 1.94] | - | - |",
        "| cy_nogil | M | processes | 360 M ±1% | 680 M ±1% | 1.90 [1.88, 1.92] | - | - |",
        "| cy_prange | M | native | 360 M ±1% | 730 M ±1% | 1.93 [1.91, 1.95] | - | - |",
    ]
    assert "| iterations/s, 2 |" in text
    assert "numba is not installed" in text


@pytest.mark.measuring
@pytest.mark.slow
def test_a_page_is_filled_by_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "mandelbrot.md"
    page.write_text("before\n<!-- output:mandelbrot -->\n<!-- /output -->\nafter\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.gilscope]\nexecutors = ["threads"]\nimplementations = ["py_loop", "cy_nogil"]\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    pages.measure("mandelbrot", tmp_path, budget_s=1, size="XS")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "$ gilscope run mandelbrot --workers 1" in text
    assert "| py_loop | XS | threads |" in text
    assert "| cy_nogil | XS | threads |" in text
    assert str(tmp_path) not in text
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"mandelbrot.md", "pyproject.toml"}, "the measurement leaves no files"
