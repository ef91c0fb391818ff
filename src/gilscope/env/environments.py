"""Virtual environments of ours, one per interpreter, in a private folder of the user's cache.

Each is a folder named like its interpreter (``3.13t``), with a file that says how it was made (``install.py``).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.errors import UsageError

__all__ = [
    "FOLDER_VARIABLE",
    "RECORD_NAME",
    "Environment",
    "environments",
    "find",
    "folder",
    "log_of",
    "name_of",
    "remove",
]

FOLDER_VARIABLE = "GILSCOPE_ENVIRONMENTS"
RECORD_NAME = "gilscope-environment.json"

_MAX_RECORD_BYTES = 1 << 20
_TEXTS = ("schema", "name", "base", "python", "gilscope", "source", "installed_from", "made_utc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment.

    Parameters
    ----------
    name : str
        What ``--python`` finds it by.
    path : Path
        Its folder.
    record : mapping
        How it was made (``install.add``); while unfinished little more than of which interpreter.
    """

    name: str
    path: Path
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return python_in(self.path)

    @property
    def problem(self) -> str:
        """Why it cannot be used, or an empty text."""
        if "made_utc" not in self.record:
            return "unfinished"
        return "" if os.access(self.python, os.X_OK) else f"its interpreter {self.record.get('base', '')} is gone"


def python_in(path: Path) -> Path:
    """Return the program of a virtual environment."""
    return path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def folder() -> Path:
    """Return where the environments are: ``GILSCOPE_ENVIRONMENTS``, or in the cache of the user."""
    asked = os.environ.get(FOLDER_VARIABLE)
    if asked:
        return Path(asked).expanduser().absolute()
    if sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gilscope" / "environments"


def environments() -> list[Environment]:
    """Return all there are, finished or not, by name."""
    try:
        found = sorted(entry for entry in folder().iterdir() if entry.is_dir())
    except OSError:
        return []
    return [Environment(name=entry.name, path=entry, record=_record(entry)) for entry in found]


def _record(path: Path) -> dict[str, Any]:
    """Return how an environment was made; nothing where the file is not as we write it: it is unfinished, then."""
    try:
        with (path / RECORD_NAME).open("rb") as file:
            record = json.loads(file.read(_MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) and _is_ours(record) else {}


def _is_ours(record: Mapping[str, Any]) -> bool:
    """Whether the fields that are there have the types we write."""
    tables = [record.get(name, {}) for name in ("libraries", "missing")]
    if not all(isinstance(table, dict) for table in tables):
        return False
    if any(isinstance(value, dict | list) for name, value in record.items() if name not in ("libraries", "missing")):
        return False
    texts = [value for table in tables for value in table.values()]
    texts += [record[name] for name in _TEXTS if name in record]
    return all(isinstance(text, str) for text in texts) and isinstance(record.get("free_threaded", False), bool)


def find(name: str) -> Path | None:
    """Return the interpreter of an environment, or None where there is no such environment.

    Raises
    ------
    UsageError
        If there is one that cannot be used.
    """
    found = next((entry for entry in environments() if entry.name == name), None)
    if found is None:
        return None
    if found.problem:
        raise UsageError(
            f"the environment {name} cannot be used ({found.problem}): renew it with: gilscope env add {name}"
        )
    return found.python


def name_of(path: str) -> str:
    """Return the name of the environment a program belongs to; empty where it is none of ours."""
    return next((entry.name for entry in environments() if str(entry.python) == path), "")


def log_of(name: str) -> Path:
    """Return where the output of the commands goes that make an environment."""
    return folder() / f"{name}.log"


def remove(name: str) -> Path:
    """Remove an environment and return where it was.

    Raises
    ------
    UsageError
        If there is none, or it cannot be removed.
    """
    found = next((entry for entry in environments() if entry.name == name), None)
    if found is None:
        known = ", ".join(entry.name for entry in environments())
        raise UsageError(f"no environment {name!r}: {f'there are {known}' if known else 'there are none'}")
    try:
        shutil.rmtree(found.path)
    except OSError as error:
        raise UsageError(f"cannot remove {found.path}: {error.strerror}; remove it by hand") from None
    log_of(name).unlink(missing_ok=True)
    return found.path
