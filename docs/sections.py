"""The sections of pages that commands write: from ``<!-- output:NAME -->`` to ``<!-- /output -->``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["fill", "fill_terminal", "refresh"]


def fill(text: str, write: Callable[[str], str]) -> str:
    """Return a page's text with each section replaced by what ``write`` gives for its name."""
    return re.sub(
        r"<!-- output:(\w+) -->.*?<!-- /output -->",
        lambda match: f"<!-- output:{match[1]} -->\n{write(match[1])}\n<!-- /output -->",
        text,
        flags=re.DOTALL,
    )


def fill_terminal(text: str, output: Callable[[str], str]) -> str:
    """As ``fill``, for what a terminal showed."""
    return fill(text, lambda name: f"```\n{output(name)}\n```")


def refresh(page: Path, filled: Callable[[str], str], measure: Callable[[], None]) -> None:
    """Write a page anew, after measuring if ``--measure`` stands on the command line."""
    if sys.argv[1:] == ["--measure"]:
        measure()
    page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
