"""How functions and arguments are named: targets, literals. Nothing of the user's is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gilscope.core.cases import reserved
from gilscope.core.errors import UsageError
from gilscope.kernels.user import Function

_NAMED = 5  # functions of a file, in a hint
_MOST_WORK = 1e18  # of one call, so that those of a whole round are whole numbers in a result


def own_functions(targets: Sequence[str], folder: Path) -> tuple[Function, ...]:
    """Read targets and give each function a unique name.

    Raises UsageError if a target is malformed or listed twice.
    """
    checked = [check_target(target, folder) for target in targets]
    if len(set(checked)) < len(checked):
        raise UsageError("the same target is given twice: name each function once")
    names = unique_names(checked)
    return tuple(Function(name=name, target=target) for name, target in zip(names, checked, strict=True))


def unique_names(targets: Sequence[str]) -> list[str]:
    """Name each target by its function; with its module, then its folder or a number, where that is not unique."""
    short = [_word(target.rpartition(":")[2]) for target in targets]
    names = [
        _word(f"{_module_of(target)}_{name}" if short.count(name) > 1 else name)
        for target, name in zip(targets, short, strict=True)
    ]
    if len(set(names)) < len(names):
        names = [_word(target) for target in targets]
    if len(set(names)) < len(names):
        names = [f"{name}_{number}" for number, name in enumerate(names, start=1)]
    return names


def check_target(target: str, folder: Path) -> str:
    """Return a target as it is written in case ids.

    Raises UsageError if it is not ``pkg.module:function`` or ``path/file.py:function`` with an existing file.
    """
    place, colon, name = target.rpartition(":")
    if not (colon and _is_dotted(name) and (place.endswith(".py") or _is_dotted(place))):
        raise UsageError(f"{target!r} is not a function: {_hint(target, folder)}")
    if place == "__main__":
        raise UsageError(f"{target!r} has no file a worker could import: put it in a module")
    if place.endswith(".py") and not (folder / place).is_file():
        raise UsageError(f"no file {place!r}: write the target like path/file.py:function")
    return target


def _hint(target: str, folder: Path) -> str:
    """Say how a target that names no function could be written."""
    module, dot, name = target.rpartition(".")
    if target.endswith(".py") and (defined := _functions_in(folder / target)):
        return f"{target} defines {', '.join(defined[:_NAMED])}; write {target}:{defined[0]}"
    if re.search(r"[(=\[{'\"]|^-?\d", target):
        return "arguments go in --arg, as in --arg n=1000, or in --setup TARGET, a function that returns them"
    if dot and _is_dotted(target) and not target.endswith(".py"):
        return f"did you mean {module}:{name}?"
    return "write it like pkg.module:function or path/file.py:function"


def _functions_in(file: Path) -> list[str]:
    """Return the public functions that a file defines at its top; empty where it cannot be read or has none."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    return [one.name for one in body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]


def _is_dotted(text: str) -> bool:
    return all(map(str.isidentifier, text.split(".")))


def _module_of(target: str) -> str:
    return target.rpartition(":")[0].removesuffix(".py").rpartition("/")[2]


def _word(text: str) -> str:
    word = re.sub(r"\W+", "_", text).strip("_") or "function"
    return f"{word}_" if reserved(word) else word


def read_work(text: str) -> tuple[int, int]:
    """Read what one call does, ``flops=2e6,bytes=24e6`` or one of them: flops and bytes, 0 where not given.

    Raises UsageError for anything else.
    """
    found = dict[str, int]()
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        try:
            count = round(float(value))
        except (ValueError, OverflowError):
            count = 0
        if name not in ("flops", "bytes") or name in found or not 0 < count <= _MOST_WORK:
            raise UsageError(f"work {text!r} of one call: write it like flops=2e6,bytes=24e6, or one of them")
        found[name] = count
    return found.get("flops", 0), found.get("bytes", 0)


def read_argument(text: str) -> tuple[str, Any]:
    """Read ``name=literal`` or a literal alone: positional, with an empty name. UsageError for anything else."""
    match = re.fullmatch(r"(\w+)\s*=(?!=)(.*)", text, re.DOTALL)
    name, value = (match[1], match[2]) if match and match[1].isidentifier() else ("", text)
    try:
        return name, ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(
            f"argument {text!r} is not a Python literal: write it like n=1000 or name='\"text\"', or make it by --setup"
        ) from None
