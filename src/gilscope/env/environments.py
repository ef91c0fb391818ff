"""Our virtual environments, one per interpreter, in a private folder of the user's cache.

Each is a folder named like its interpreter (``3.13t``), with a file that says how it was made (``install.py``).
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gilscope.core import typed
from gilscope.core.errors import UsageError

FOLDER_VARIABLE = "GILSCOPE_ENVIRONMENTS"
RECORD_NAME = "gilscope-environment.json"

_MAX_RECORD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRecord:
    """How an environment was made; None for what is not known, as while it is unfinished."""

    base: str | None = None  # path of the interpreter it was made from
    python: str | None = None  # its version
    free_threaded: bool | None = None
    gilscope: str | None = None  # its version
    source: str | None = None  # digest of that gilscope (interpreters.own_source)
    installed_from: str | None = None
    libraries: Mapping[str, str] | None = None  # version by name
    missing: Mapping[str, str] | None = None  # why it could not be installed, by name
    made_utc: str | None = None  # ISO 8601; None until it can be used

    def to_json(self) -> dict[str, Any]:
        """Return what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment; ``--python`` finds it by its name."""

    name: str
    path: Path
    record: EnvironmentRecord = field(default_factory=EnvironmentRecord)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return python_in(self.path)

    @property
    def problem(self) -> str:
        """Why it cannot be used, or an empty text."""
        if self.record.made_utc is None:
            return "unfinished"
        return "" if os.access(self.python, os.X_OK) else f"its interpreter {self.record.base or ''} is gone"


def python_in(path: Path) -> Path:
    """Return the program of a virtual environment."""
    return path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def folder() -> Path:
    """Return where the environments are: ``GILSCOPE_ENVIRONMENTS``, or in the user's cache."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gilscope" / "environments"


def environments() -> list[Environment]:
    """Return all environments, finished or not, by name."""
    try:
        found = sorted(entry for entry in folder().iterdir() if entry.is_dir())
    except OSError:
        return []
    return [Environment(name=entry.name, path=entry, record=_record(entry)) for entry in found]


def _record(path: Path) -> EnvironmentRecord:
    """Return how an environment was made; nothing where the file cannot be read, as while it is unfinished."""
    try:
        with (path / RECORD_NAME).open("rb") as file:
            return typed.read(EnvironmentRecord, json.loads(file.read(_MAX_RECORD_BYTES)))
    except (OSError, ValueError, RecursionError):
        return EnvironmentRecord()


def named(name: str) -> Environment | None:
    """Return the environment with a name, finished or not; None where there is none."""
    return next((entry for entry in environments() if entry.name == name), None)


def find(name: str) -> Path | None:
    """Return the interpreter of an environment, or None without one; raise UsageError if it cannot be used."""
    found = named(name)
    if found is None:
        return None
    if found.problem:
        raise UsageError(
            f"the environment {name} cannot be used ({found.problem}): renew it with: gilscope env add {name}"
        )
    return found.python


def name_of(path: str) -> str:
    """Return the name of the environment a program belongs to; empty where it is not one of ours."""
    return next((entry.name for entry in environments() if str(entry.python) == path), "")


def log_of(name: str) -> Path:
    """Return where the output goes of the commands that make an environment."""
    return folder() / f"{name}.log"


def remove(name: str) -> Path:
    """Remove an environment and return where it was; raise UsageError without one, or if it cannot be removed."""
    found = named(name)
    if found is None:
        known = ", ".join(entry.name for entry in environments())
        raise UsageError(f"no environment {name!r}: {f'there are {known}' if known else 'there are none'}")
    try:
        shutil.rmtree(found.path)
    except OSError as error:
        raise UsageError(f"cannot remove {found.path}: {error.strerror}; remove it by hand") from None
    log_of(name).unlink(missing_ok=True)
    return found.path
