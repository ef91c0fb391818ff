"""Functions that cannot be imported by name (lambdas, closures, those typed at a prompt), sent as their code.

What such a function refers to goes with it: modules by name, functions of its own kind as code, all else pickled.
``marshal`` demands the same interpreter on both sides. Standard library only.
"""

import base64
import builtins
import importlib
import marshal
import pickle
import types
from collections.abc import Iterator, Mapping
from typing import Any

from gilscope.core.errors import UsageError

_Described = dict[int, dict[str, Any]]
"""Code, name, globals, cells and defaults of each function by its id."""


def pack(function: types.FunctionType) -> str:
    """Return a function as text, or raise UsageError that names what it refers to and cannot be sent."""
    records: _Described = {}
    _describe(function, records)
    return base64.b64encode(pickle.dumps((id(function), records))).decode()


def _describe(function: types.FunctionType, records: _Described) -> None:
    """Add the record of a function, and of those it refers to."""
    record = records[id(function)] = {}  # before its parts: it may refer to itself
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    used = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    record |= {
        "code": marshal.dumps(function.__code__),
        "name": function.__name__,
        "globals": {name: _part(name, value, function, records) for name, value in used.items()},
        "cells": [_part(name, cell.cell_contents, function, records) for name, cell in cells],
        "defaults": _part("defaults", (function.__defaults__, function.__kwdefaults__), function, records),
    }


def _names(code: types.CodeType) -> Iterator[str]:
    """Yield the global names that a function and those defined inside it refer to."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _part(name: str, value: Any, owner: types.FunctionType, records: _Described) -> tuple[str, Any]:
    """Return (how, what) for one thing a function refers to."""
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, types.FunctionType) and (value.__module__ == "__main__" or "<" in value.__qualname__):
        if id(value) not in records:
            _describe(value, records)
        return "function", id(value)
    try:
        return "pickle", pickle.dumps(value)
    except Exception as error:
        raise UsageError(
            f"{owner.__qualname__} refers to {name}, which cannot be sent to the measuring process ({error}); "
            "pass plain data, or define the function at the top of a module"
        ) from error


def unpack(text: str) -> types.FunctionType:
    """Return the function that was packed."""
    main, records = pickle.loads(base64.b64decode(text))
    made: dict[int, types.FunctionType] = {}
    for key, record in records.items():
        code = marshal.loads(record["code"])
        cells = tuple(types.CellType() for _ in record["cells"])
        space: dict[str, Any] = {"__builtins__": builtins, "__name__": "__main__"}
        made[key] = types.FunctionType(code, space, record["name"], None, cells)
    for key, record in records.items():
        function = made[key]
        function.__globals__.update({name: _restored(part, made) for name, part in record["globals"].items()})
        for cell, part in zip(function.__closure__ or (), record["cells"], strict=True):
            cell.cell_contents = _restored(part, made)
        function.__defaults__, function.__kwdefaults__ = _restored(record["defaults"], made)
    return made[main]


def _restored(part: tuple[str, Any], made: Mapping[int, types.FunctionType]) -> Any:
    how, what = part
    if how == "module":
        return importlib.import_module(what)
    return made[what] if how == "function" else pickle.loads(what)
