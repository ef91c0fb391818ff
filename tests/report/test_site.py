"""The documentation site in a real browser, from its files and without a network."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilscope.tour import CHAPTERS, load_chapter
from tests.report.page.browser import Browser, browser, executable

ROOT = Path(__file__).resolve().parents[2]
MISSING = [name for name in ("mkdocs", "material", "mkdocstrings") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium on this machine: apt-get install chromium"),
    pytest.mark.skipif(bool(MISSING), reason=f"the site needs {', '.join(MISSING)}: pip install -e '.[docs]'"),
]


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site and return the folder of its concepts."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "concepts"


@pytest.fixture
def tab() -> Iterator[Browser]:
    """A browser for each test: the site remembers whether it is light or dark."""
    with browser() as opened:
        opened.size(1280)
        yield opened


def contrast(tab: Browser) -> float:
    """Return the contrast of the first picture's text to the page, as WCAG 2 defines it."""
    return float(
        tab.evaluate("""(() => {
            const parts = color => color.match(/[\\d.]+/g).map(Number);
            const page = parts(getComputedStyle(document.body).backgroundColor);
            const [r, g, b, a = 1] = parts(getComputedStyle(document.querySelector("figure svg text.mid")).fill);
            const ink = [r, g, b].map((part, index) => part * a + page[index] * (1 - a));
            const light = color => color.slice(0, 3).map(part => part / 255)
                .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
                .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
            const [low, high] = [light(ink), light(page)].sort((x, y) => x - y);
            return (high + 0.05) / (low + 0.05);
        })()""")
    )


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_drawn_without_a_network_and_its_code_fits(tab: Browser, concepts: Path, name: str) -> None:
    tab.open(concepts / f"{name}.html", ready="true")
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith(("file:", "data:"))] == []
    assert tab.evaluate("document.querySelectorAll('figure svg').length") == len(load_chapter(name).experiments)
    assert tab.evaluate("document.body.innerText.includes('sequenceDiagram')") is False
    wide = "element => element.scrollWidth > element.clientWidth + 1"
    assert tab.evaluate(f"[...document.querySelectorAll('pre code, figure')].filter({wide}).length") == 0


def test_the_navigation_has_the_titles_of_the_chapters(tab: Browser, concepts: Path) -> None:
    tab.open(concepts / "threads.html", ready="true")
    links = "[...document.querySelectorAll('.md-nav--primary a.md-nav__link')].map(link => link.textContent.trim())"
    shown = tab.evaluate(links)
    titles = [load_chapter(name).title for name in CHAPTERS]
    assert [title for title in shown if title in titles] == titles
    assert not {"Threads", "Ipc", "Cpu", "Gil", "Single"} & set(shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_can_be_read_on_the_page(tab: Browser, concepts: Path, scheme: str) -> None:
    tab.scheme(scheme)
    tab.open(concepts / "threads.html", ready="true")
    assert tab.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[scheme]
    assert contrast(tab) >= 4.5
