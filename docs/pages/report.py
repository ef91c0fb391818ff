"""The report in a real browser (needs Chromium): docs/images/report.png, and screenshots to look at.

``python docs/update.py report/picture --measure`` makes the picture, ``report/looks`` the screenshots in build/report:
the kept results at two widths in both themes, and as they are printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.report.page import read_view, write
from pages.shared import EXAMPLES, ROOT

if TYPE_CHECKING:
    from tests.report.page.browser import Browser

PARTS = ("picture", "looks")
PICTURE = ROOT / "docs/images/report.png"
LOOKS = ROOT / "build/report"
WIDTHS, HEIGHT = (1280, 400), 1060
RESULTS = ("result.jsonl", "profile.jsonl")


def measure(part: str) -> None:
    """Render the examples and save what a browser shows of them."""
    with _tab() as (tab, folder):
        if part == "picture":
            _open(tab, folder, RESULTS[0], WIDTHS[0])
            tab.screenshot(PICTURE, whole=False)
            return
        LOOKS.mkdir(parents=True, exist_ok=True)
        for name in filter(lambda name: (EXAMPLES / name).exists(), RESULTS):
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    _open(tab, folder, name, width, scheme)
                    tab.screenshot(LOOKS / f"{Path(name).stem}-{width}-{scheme}.png")
            (LOOKS / f"{Path(name).stem}.pdf").write_bytes(tab.printed())
        print(f"see {LOOKS}")


@contextmanager
def _tab() -> Iterator[tuple[Browser, Path]]:
    sys.path.insert(0, str(ROOT))  # for the tests' browser
    from tests.report.page.browser import browser

    with tempfile.TemporaryDirectory() as folder, browser() as tab:
        yield tab, Path(folder)


def _open(tab: Browser, folder: Path, name: str, width: int, scheme: str = "light") -> None:
    page = folder / "report.html"
    write(page, [read_view(EXAMPLES / name)])
    tab.size(width, HEIGHT)
    tab.scheme(scheme)
    tab.open(page)
