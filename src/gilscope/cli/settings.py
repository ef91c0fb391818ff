"""Defaults from ``[tool.gilscope]`` of the nearest pyproject.toml that has such a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gilscope.cli.options import OPTIONS
from gilscope.core.errors import UsageError
from gilscope.core.registry import check_names

KEYS = tuple(dict.fromkeys(option.name for option in OPTIONS if option.setting))

_MAX_BYTES = 4 << 20  # of a pyproject.toml: the longest are a hundredth of that
_MOST = 2**63  # no option takes a larger number, and Python refuses to write very long ones as text


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values of options as text, as the command line would have them, and the file they come from."""

    path: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def read_settings(start: Path) -> Settings:
    """Return the nearest ``[tool.gilscope]`` from ``start`` upwards; UsageError if a file or a key is unusable."""
    import tomllib

    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            document = tomllib.loads(_text_of(path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError, RecursionError) as error:  # tomllib's errors and bad UTF-8 are ValueErrors
            raise UsageError(f"cannot read {path}: {error}; fix the file or start elsewhere") from None
        tools = document.get("tool", {})
        table = tools.get("gilscope") if isinstance(tools, dict) else None
        if table is not None:
            return Settings(path=path, values=_texts(path, table))
    return Settings()


def _text_of(path: Path) -> str:
    """Return the text of a file; ValueError if it is not a regular one, or longer than any that people write."""
    if path.exists() and not path.is_file():  # a pipe would be waited for, a device may have no end
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES >> 20} MiB")
    return data.decode("utf-8")


def _texts(path: Path, table: object) -> dict[str, str]:
    where = f"[tool.gilscope] of {path}"
    if not isinstance(table, dict):
        raise UsageError(f"{where} is not a table: write it like [tool.gilscope] and then workers = [1, 2]")
    values = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        check_names(f"key in {where}", (name,), KEYS)
        values[name] = _text(f"{key} in {where}", value)
    return values


def _text(what: str, value: object) -> str:
    if isinstance(value, list) and value:
        return ",".join(_text(what, item) for item in value)
    if isinstance(value, str) and "\0" not in value:  # which the command line cannot have
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST:
        return str(value)
    raise UsageError(f"{what} is none of these: a text, a number, a list of them")
