"""Frozen dataclasses from JSON that was stored or comes from elsewhere."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["read"]

T = TypeVar("T")

_UNFIT = object()
_SCALARS = {str: (str,), bool: (bool,), int: (int,), float: (int, float)}  # whole numbers stay as they were written
_UNIONS = (Union, types.UnionType)


def read(kind: type[T], encoded: object) -> T:
    """Read a JSON object into a dataclass; unknown names are ignored.

    A field that is missing or has the wrong type gets its default; entries of the wrong type are left out of mappings
    and tuples. Raises ValueError if such a field has no default. Fields may be texts, numbers, flags, None, literals,
    mappings from texts, tuples of any length, and dataclasses of the same sort. The module of ``kind`` must import
    their types at run time, not for type checkers alone.
    """
    given = encoded if isinstance(encoded, Mapping) else {}
    values = {}
    dataclass: Any = kind
    for name, hint, required in _fields(dataclass):
        value = _fitting(hint, given[name]) if name in given else _UNFIT
        if value is not _UNFIT:
            values[name] = value
        elif required:
            raise ValueError(f"{kind.__name__}.{name} is missing or not as it should be")
    return kind(**values)


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return (name, type, whether it has no default) of each field."""
    hints, none = get_type_hints(kind), dataclasses.MISSING
    return tuple(
        (entry.name, hints[entry.name], entry.default is none and entry.default_factory is none)
        for entry in dataclasses.fields(kind)
        if entry.init
    )


def _fitting(hint: Any, value: object) -> Any:
    """Return the value as its type stores it, or ``_UNFIT``."""
    if hint in _SCALARS:
        return value if type(value) in _SCALARS[hint] else _UNFIT  # a bool is no number
    if hint is types.NoneType:
        return None if value is None else _UNFIT
    if hint is Any:
        return value
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return read(hint, value) if isinstance(value, Mapping) else _UNFIT
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return next((found for each in inner if (found := _fitting(each, value)) is not _UNFIT), _UNFIT)
    if origin is Literal:
        return value if isinstance(value, str) and value in inner else _UNFIT
    if origin is tuple:
        found = (_fitting(inner[0], entry) for entry in value) if isinstance(value, list | tuple) else None
        return _UNFIT if found is None else tuple(entry for entry in found if entry is not _UNFIT)
    if not isinstance(value, Mapping):
        return _UNFIT
    pairs = ((str(key), _fitting(inner[1], entry)) for key, entry in value.items())
    return {key: entry for key, entry in pairs if entry is not _UNFIT}
