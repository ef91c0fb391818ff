"""docs/images/report.png: the kept result's report in a real browser (needs Chromium)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gilscope.report.page import read_view, write
from pages.shared import EXAMPLES, ROOT

PICTURE = ROOT / "docs/images/report.png"
WIDTH, HEIGHT = 1280, 1060


def measure(_part: str) -> None:
    """Render the example and save what the first screen of its second half shows."""
    sys.path.insert(0, str(ROOT))  # for the tests' browser
    from tests.report.page.browser import browser

    with tempfile.TemporaryDirectory() as folder, browser() as tab:
        page = Path(folder, "report.html")
        write(page, [read_view(EXAMPLES / "result.jsonl")])
        tab.size(WIDTH, HEIGHT)
        tab.scheme("light")
        tab.open(page)
        tab.evaluate("document.querySelector('#r0k0').scrollIntoView()")
        tab.screenshot(PICTURE, whole=False)
