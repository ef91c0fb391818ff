"""Writing the page: never over somebody else's file, never half."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gilscope.core.errors import UsageError
from gilscope.report.page.render import GENERATOR, render
from gilscope.report.page.source import Source

__all__ = ["REPORT_NAME", "write"]

REPORT_NAME = "report.html"
_HEAD_BYTES = 4096  # our mark is before any style or script


def write(path: Path, sources: Sequence[Source]) -> None:
    """Write the report of some results, replacing an older report atomically.

    Raises ``UnavailableError`` without Jinja2, and ``UsageError`` if the file is not a report or cannot be written.
    """
    if path.exists() and not _ours(path):
        raise UsageError(f"{str(path)!r} is there already and no report of gilscope: choose another name with --out")
    page = render(sources).encode("utf-8", "replace")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(page)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}; choose another name with --out") from None


def _ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f'content="{GENERATOR}"'.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
