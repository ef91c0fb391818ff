"""The page in a real browser: from a file, without a network, by mouse and keyboard, two widths, both themes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilscope.analysis.rows import CaseRow
from gilscope.report.case_facts import facts_of
from gilscope.report.charts import View
from gilscope.report.columns import columns_of
from gilscope.report.figures import NONE
from gilscope.report.page import read_view, write
from tests.report.answers import answer, mandelbrot, row
from tests.report.large import large
from tests.report.page.browser import Browser, browser, executable
from tests.report.page.test_render import HOSTILE, SEEN, hostile

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "result.jsonl"
FUNCTIONS = EXAMPLE.with_name("profile.jsonl")
SECONDS_FOR_2000_CASES = 5.0  # of CPU time, so that a busy machine does not fail the test; it takes about one
STATUS = {"too_noisy": "too_noisy"}
PAGES = 9  # of paper, for two kernels with 22 cases and all their charts
LARGEST_BYTES = 3_000_000

pytestmark = pytest.mark.skipif(executable() is None, reason="no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write(path, [read_view(EXAMPLE)])
    return path


@pytest.fixture
def opened(tab: Browser, page: Path) -> Browser:
    tab.size(1280)
    tab.scheme("light")
    tab.open(page)
    return tab


def wide(tab: Browser) -> int:
    """Return how many pixels the page sticks out of the window."""
    return int(tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def marked(tab: Browser, mark: str) -> CaseRow:
    """Return the row of the case that an element shows."""
    number = int(tab.evaluate(f"document.querySelector('{mark}').dataset.case"))
    return read_view(EXAMPLE).answer.rows[number]


def test_the_page_says_nothing_on_the_console_and_asks_nobody(opened: Browser, page: Path) -> None:
    assert opened.complaints() == []
    assert opened.requests() == [page.as_uri()]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_the_window(opened: Browser, width: int, scheme: str) -> None:
    opened.scheme(scheme)
    opened.size(width)
    assert opened.evaluate("innerWidth") == width
    for kernel in (0, 1):
        opened.evaluate(f"document.querySelectorAll('[data-tabs=kernel] button')[{kernel}].click()")
        assert wide(opened) == 0


@pytest.mark.parametrize("width", [1280, 400])
def test_the_answer_is_first_and_the_fastest_case_is_in_view(opened: Browser, width: int) -> None:
    opened.size(width)
    headings = opened.evaluate("[...document.querySelectorAll('article section')].map(s => s.ariaLabel)")
    assert headings == ["Answer", "Kernel mandelbrot", "Kernel triad", "Machine", "All cases"]
    seen = opened.evaluate(
        "(box => [...document.querySelectorAll('.answer td.best')].map(c => c.getBoundingClientRect())"
        ".map(b => b.left >= box.left && b.right <= box.right + 1 && b.bottom < innerHeight))"
        "(document.querySelector('.answer .scroll').getBoundingClientRect())"
    )
    assert len(seen) >= 2
    assert seen[0]


def test_a_wide_heat_map_on_a_telephone_begins_at_its_fastest_column(tab: Browser, tmp_path: Path) -> None:
    counts = (2, 4, 8, 16, 32, 64)
    cases = [row(f"nbody/i@threads*{count}#M", speedup=0.8 * count, rate=1e6 * count) for count in counts]
    path = tmp_path / "report.html"
    write(path, [View(answer(cases, environment={"cpus": {"count": 64}}))])
    tab.size(400)
    tab.open(path)
    left, right, end = tab.evaluate(
        "(b => [b.left, b.right, innerWidth])(document.querySelector('.kernel td.best').getBoundingClientRect())"
    )
    assert 0 < left < right <= end
    assert wide(tab) == 0


def test_two_functions_fit_a_telephone_side_by_side(tab: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, [read_view(FUNCTIONS)])
    tab.size(400)
    tab.open(path)
    assert tab.evaluate("document.querySelector('h2').textContent") == "blobs.py:checksum, blobs.py:digest"
    room, needed = tab.evaluate(
        "(box => [box.clientWidth, box.scrollWidth])(document.querySelector('.answer .scroll'))"
    )
    assert needed <= room


def test_a_dot_is_nearer_to_its_own_name_than_to_the_next(opened: Browser) -> None:
    own, following = opened.evaluate(
        "(rows => { const y = (row, part) => row.querySelector(part).getBoundingClientRect().bottom;"
        "const dot = y(rows[0], 'text ~ circle, text ~ rect, text ~ path:last-child');"
        "return [dot - y(rows[0], 'text'), y(rows[1], 'text') - dot]; })"
        "([...document.querySelectorAll('[data-chart=speedups] g[data-case]')])"
    )
    assert 0 < own < following / 1.5


def test_text_on_a_telephone_is_never_tiny(opened: Browser) -> None:
    opened.size(400)
    smallest = opened.evaluate(
        "Math.min(...[...document.querySelectorAll('article *')].filter(e => e.offsetParent)"
        ".filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11


def test_too_noisy_has_neither_the_colour_of_success_nor_of_a_loss(tab: Browser, tmp_path: Path) -> None:
    codes = ("scales", "too_noisy", "gil_bound")
    cases = [
        row(f"nbody/{code}@threads*2#M", speedup=1.9, findings=[SEEN.get(code, code)], status=STATUS.get(code, "ok"))
        for code in codes
    ]
    path = tmp_path / "report.html"
    write(path, [View(answer(cases))])
    tab.size(1280)
    tab.open(path)
    colors = tab.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.finding')].map(e => "
        "[e.querySelector('h5').firstChild.data, getComputedStyle(e).borderLeftColor]))"
    )
    assert len({colors[code] for code in codes}) == 3
    cells = tab.evaluate(
        "[...document.querySelectorAll('.answer td[data-case]')].map(c => getComputedStyle(c).backgroundColor)"
    )
    assert cells[0] == cells[1] != cells[2]  # in the order of their names: gil_bound, scales, too_noisy


def test_it_prints_on_few_pages_with_the_cases_of_its_findings(opened: Browser) -> None:
    printed = opened.printed()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= PAGES
    opened.send("Emulation.setEmulatedMedia", media="print")
    try:
        shown = "getComputedStyle(e).display !== 'none'"
        chips = opened.evaluate(f"[...document.querySelectorAll('.chip')].every(e => {shown} && e.offsetParent)")
        assert chips
        panels = opened.evaluate("[...document.querySelectorAll('figure')].map(e => e.getBoundingClientRect().height)")
        assert min(panels) > 20
        assert opened.evaluate(f"[...document.querySelectorAll('.filters,.tabs,.top')].every(e => !({shown}))")
    finally:
        opened.send("Emulation.setEmulatedMedia", media="")


def test_a_click_on_a_cell_shows_its_case_and_escape_closes_it(opened: Browser) -> None:
    cell = "article td[data-case].best"
    opened.click(*opened.place(cell))
    case = opened.evaluate("document.querySelector('#case-title').textContent")
    assert case == marked(opened, cell).case.id
    assert opened.evaluate("document.querySelector('dialog').open")
    assert "speed-up" in opened.evaluate("document.querySelector('dialog').textContent")
    opened.press("Escape")
    assert not opened.evaluate("document.querySelector('dialog').open")


def test_arrow_keys_walk_the_heat_map_and_enter_opens_a_case(opened: Browser) -> None:
    opened.evaluate("document.querySelector('article td[data-case]').focus()")
    before = opened.evaluate("document.activeElement.dataset.case")
    opened.press("ArrowDown")
    opened.press("ArrowRight")
    after = opened.evaluate("document.activeElement.dataset.case")
    assert after not in (None, before)
    assert opened.evaluate("document.querySelectorAll('article td[data-case][tabindex=\"0\"]').length") == 1
    opened.press("Enter")
    assert opened.evaluate("document.querySelector('dialog').open")
    opened.press("Escape")
    opened.evaluate("document.querySelector('[data-raw] tbody tr').focus()")
    opened.press("ArrowDown")
    assert opened.evaluate("document.activeElement.sectionRowIndex") == 1


def test_the_case_shows_its_rounds_and_each_says_its_time(opened: Browser) -> None:
    opened.click(*opened.place("article td[data-case]"))
    blocks = marked(opened, "article td[data-case]").blocks
    assert opened.evaluate("document.querySelectorAll('dialog circle').length") == blocks
    opened.move(*opened.place("dialog circle"))
    assert opened.evaluate("document.querySelector('dialog #tip:not([hidden])').textContent").startswith("round 1: ")


@pytest.mark.parametrize("mark", ["article td[data-case].best", "#r0k0 [data-chart=speedups] [data-case]"])
def test_a_tooltip_says_interval_blocks_and_finding(opened: Browser, mark: str) -> None:
    opened.move(*opened.place(mark))
    said = opened.evaluate("document.querySelector('#tip').hidden ? '' : document.querySelector('#tip').textContent")
    row = marked(opened, mark)
    assert "[" in said
    assert f"blocks {row.blocks}" in said
    assert row.case.id in said
    assert all(code in said for code in row.codes)


def test_a_part_of_a_bar_says_what_it_is_and_costs(opened: Browser) -> None:
    mark = "#r0k0 [data-chart=losses] g[data-case]"
    opened.move(*opened.place(f"{mark} rect"))
    said = opened.evaluate("document.querySelector('#tip').textContent").splitlines()
    assert said[0] == marked(opened, mark).case.id
    assert said[1].startswith("work of T(1): ")
    assert said[1].endswith(" of cores per execution")


def test_a_click_on_a_heading_sorts_the_table_both_ways(opened: Browser) -> None:
    place = [column.key for column in columns_of("page")].index("speedup")

    def speedups() -> list[float]:
        lines = "[...document.querySelectorAll('[data-raw] tbody tr')]"
        cells = opened.evaluate(f"{lines}.map(r => r.cells[{place}].textContent)")
        assert NONE in cells
        assert NONE not in cells[: cells.index(NONE)]
        return [float(cell.split()[0]) for cell in cells if cell != NONE]

    heading = f"[data-raw] th:nth-child({place + 1}) button"
    for sort, reverse in (("descending", True), ("ascending", False)):
        opened.click(*opened.place(heading))
        assert opened.evaluate(f"document.querySelector('{heading}').parentElement.ariaSort") == sort
        assert speedups() == sorted(speedups(), reverse=reverse)


def test_the_filter_leaves_what_it_names(opened: Browser) -> None:
    opened.evaluate("document.querySelector('[name=text]').focus()")
    opened.send("Input.insertText", text="triad threads")
    rows = opened.evaluate("[...document.querySelectorAll('[data-raw] tbody tr')].map(r => r.textContent)")
    assert rows
    assert all("triad" in row and "threads" in row for row in rows)
    assert opened.evaluate("document.querySelector('[data-count]').textContent").startswith(f"{len(rows)} of ")


def test_the_switch_changes_the_theme_and_the_system_sets_it(opened: Browser) -> None:
    color = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(color)
    opened.scheme("dark")
    dark = opened.evaluate(color)
    assert light != dark
    opened.click(*opened.place("[data-theme-switch]"))
    assert opened.evaluate(color) == light


def test_the_download_is_the_analysis(opened: Browser, tmp_path: Path) -> None:
    opened.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    opened.click(*opened.place("[data-download]"))
    text = opened.evaluate("new Promise(done => setTimeout(done, 300)).then(() => '')")
    (saved,) = tmp_path.glob("*.json")
    assert text == ""
    assert json.loads(saved.read_text())["schema"] == "gilscope.analysis"


def test_the_table_and_a_case_say_what_the_terminal_says(opened: Browser) -> None:
    columns = list(columns_of("page"))
    rows = {row.case.id: row for row in read_view(EXAMPLE).answer.rows}
    shown = opened.evaluate(
        "[...document.querySelectorAll('[data-raw] tbody tr')].map(r => [results.values().next()"
        ".value.ids[r.dataset.case], ...[...r.cells].map(c => c.textContent)])"
    )
    assert {case: cells for case, *cells in shown} == {
        case: [column.cell(row) for column in columns] for case, row in rows.items()
    }
    opened.click(*opened.place("article td[data-case].best"))
    case = opened.evaluate("document.querySelector('#case-title').textContent")
    said = opened.evaluate(
        "[...document.querySelectorAll('dialog .facts div')].map(d => [...d.children].map(c => c.textContent))"
    )
    known = {name: text for name, text in facts_of(rows[case]).items() if text != NONE}
    assert known.items() <= dict(said).items()


def test_names_of_users_are_never_executed(tab: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, [View(answer=hostile(mandelbrot()))])
    tab.size(1280)
    tab.send("Page.addScriptToEvaluateOnNewDocument", source="window.alert = () => { window.attacked = true; }")
    tab.open(path)
    tab.click(*tab.place("td[data-case]"))
    assert HOSTILE in tab.evaluate("document.querySelector('dialog').textContent")
    tab.press("Escape")
    tab.move(*tab.place("td[data-case]"))
    assert tab.complaints() == []
    assert tab.requests() == [path.as_uri()]
    assert tab.evaluate("[window.attacked ?? null, document.querySelectorAll('img').length]") == [None, 0]


def test_two_thousand_cases_open_in_seconds_and_stay_usable(tab: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    began = time.process_time()
    write(path, [View(answer=large(2000))])
    written_s = time.process_time() - began
    assert path.stat().st_size < LARGEST_BYTES
    tab.size(1280)
    tab.open(path)
    assert written_s + tab.busy_s() < SECONDS_FOR_2000_CASES
    assert tab.complaints() == []
    assert wide(tab) == 0
    assert tab.evaluate("document.querySelectorAll('[data-raw] tbody tr').length") == 100
    before = tab.busy_s()
    tab.evaluate("document.querySelector('[data-raw] th:nth-child(8) button').click(), document.body.offsetHeight")
    tab.evaluate("document.querySelectorAll('[data-tabs=kernel] button')[1].click(), document.body.offsetHeight")
    assert tab.busy_s() - before < SECONDS_FOR_2000_CASES / 5
