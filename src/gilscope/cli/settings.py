"""Defaults from ``[tool.gilscope]`` of the nearest pyproject.toml that has such a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.errors import UsageError
from gilscope.registry import check_names

__all__ = ["KEYS", "Settings", "read_settings"]

KEYS = (
    "kernels",
    "implementations",
    "executors",
    "workers",
    "size",
    "budget",
    "precision",
    "chunks",
    "start-method",
    "transport",
    "scaling",
    "schedule",
    "pin",
    "dask-scheduler",
    "memory-limit",
    "seed",
    "out",
    "python",
    "gil",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Option values as text, as if they stood on the command line, and the file they come from."""

    path: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def read_settings(start: Path) -> Settings:
    """Search ``start`` and the folders above it for ``[tool.gilscope]``; the nearest one counts alone.

    Raises
    ------
    UsageError
        If a pyproject.toml on the way cannot be read, has unknown keys or values that are no option values.
    """
    import tomllib

    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:  # tomllib's errors and bad UTF-8 are ValueErrors
            raise UsageError(f"cannot read {path}: {error}; mend the file or start elsewhere") from None
        table = document.get("tool", {}).get("gilscope")
        if table is not None:
            return Settings(path=path, values=_texts(path, table))
    return Settings()


def _texts(path: Path, table: Any) -> dict[str, str]:
    where = f"[tool.gilscope] of {path}"
    if not isinstance(table, dict):
        raise UsageError(f"{where} is no table: write it like [tool.gilscope] and then workers = [1, 2]")
    values = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        check_names(f"key in {where}", (name,), KEYS)
        values[name] = _text(f"{key} in {where}", value)
    return values


def _text(what: str, value: Any) -> str:
    if isinstance(value, list) and value:
        return ",".join(_text(what, item) for item in value)
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    raise UsageError(f"{what} is {value!r}: write a text, a number or a list of them")
