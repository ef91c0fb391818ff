"""The text of source lines, read from files that may be missing, changed, or anything at all."""

from __future__ import annotations

import stat
import tokenize
from pathlib import Path

_LARGEST = 10_000_000  # bytes; a larger file is not source that somebody wrote


class Sources:
    """Source lines by file and number; relative names are looked up in ``folder``, each file is read once."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path.cwd()
        self._files: dict[str, list[str]] = {}

    def line(self, file: str, number: int | None) -> str:
        """Return a line without its indentation; empty where the file or the line is not there."""
        if number is None:
            return ""
        if file not in self._files:
            self._files[file] = _read(self._folder / file)
        lines = self._files[file]
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _read(path: Path) -> list[str]:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:  # reading a pipe would wait forever
            return []
        with tokenize.open(path) as file:
            return file.read().splitlines()
    except (OSError, SyntaxError, ValueError):  # no such file, no permission, no known encoding
        return []
