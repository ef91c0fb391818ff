"""The sections of pages that commands write: from ``<!-- output:NAME -->`` to ``<!-- /output -->``."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["fill", "fill_terminal"]


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
