"""Take the picture of the report for the documents: the example result in a real browser.

Run: ``python docs/update_report.py`` (needs Chromium).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gilscope.report.page import read_source, write  # noqa: E402 - the tests' browser is found from the root
from tests.report.page.browser import browser  # noqa: E402

EXAMPLE = ROOT / "docs/examples/result.jsonl"
PICTURE = ROOT / "docs/images/report.png"
WIDTH, HEIGHT = 1280, 1060


def main() -> None:
    """Render the example and save what the first screen of its second half shows."""
    with tempfile.TemporaryDirectory() as folder, browser() as tab:
        page = Path(folder, "report.html")
        write(page, [read_source(EXAMPLE)])
        tab.size(WIDTH, HEIGHT)
        tab.scheme("light")
        tab.open(page)
        tab.evaluate("document.querySelector('#r0k0').scrollIntoView()")
        PICTURE.parent.mkdir(exist_ok=True)
        tab.screenshot(PICTURE, whole=False)


if __name__ == "__main__":
    main()
