"""From a Python callable and its arguments to a request: by name where a worker can import it, else as code."""

from __future__ import annotations

import ast
import base64
import functools
import os
import pickle
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gilscope.core.errors import UsageError
from gilscope.kernels._byvalue import pack
from gilscope.kernels.user import Function, Request
from gilscope.profile.targets import check_target, read_work, unique_names

IN_RUNNER = "GILSCOPE_RUNNER"  # set in runners: a script they import must not start measuring again


def request_of(
    functions: Callable[..., Any] | str | Sequence[Callable[..., Any] | str],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    items: Iterable[Any] | None = None,
    check: Callable[[Any], Any] | str | None = None,
    work: str = "",
) -> Request:
    """Return the request to call some functions with the same arguments.

    Raises UsageError if a function or an argument cannot be sent to the measuring processes.
    """
    if os.environ.get(IN_RUNNER):
        raise UsageError("a script that measures itself must do so below: if __name__ == '__main__':")
    several: list[Any] = list(functions) if isinstance(functions, list | tuple) else [functions]
    if not several:
        raise UsageError("no function to measure: pass one, or a list of them")
    if len(several) == 1 and isinstance(several[0], functools.partial):
        args, kwargs = (*several[0].args, *args), {**several[0].keywords, **kwargs}
        several = [several[0].func]
    found = [_located(function) for function in several]
    names = unique_names([target for target, _ in found])
    literal = _literal(args, kwargs) if items is None else None
    flops, nbytes = read_work(work) if work else (0, 0)
    return Request(
        functions=tuple(
            Function(name=name, target=target, code=code) for name, (target, code) in zip(names, found, strict=True)
        ),
        folder=os.getcwd(),
        path=os.pathsep.join(entry for entry in sys.path if entry),
        arguments=literal or "((), {})",
        packed="" if literal else _packed(args, kwargs, items),
        check="" if check is None else _check_of(check),
        flops=flops,
        nbytes=nbytes,
    )


def _located(function: Callable[..., Any] | str) -> tuple[str, str]:
    """Return (target, code), the code only where no worker could import the target."""
    if isinstance(function, str):
        return check_target(function, Path.cwd()), ""
    if not callable(function):
        raise UsageError(f"{function!r:.80} is not a function: pass something that can be called")
    target = _target_of(function)
    if target:
        return target, ""
    if not isinstance(function, types.FunctionType):
        raise UsageError(
            f"{_short_name(function)} cannot be imported by its name, nor sent as code: "
            "wrap it in a function at the top of a module"
        )
    return f"{_word(function.__module__ or '') or 'main'}:{_short_name(function)}", pack(function)


def _target_of(function: Any) -> str:
    """Return the target of a function that can be imported by its name, or an empty text."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found: Any = sys.modules.get(module or "")
    if found is None or not name:
        return ""
    path = getattr(found, "__file__", None) or ""
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        return ""
    if module is None or module == "__main__" or not _on_path(module, path):
        return f"{path}:{name}" if path.endswith(".py") and Path(path).is_file() else ""
    return f"{module}:{name}"


def _on_path(module: str, path: str) -> bool:
    """Whether importing the module by its name finds this file; modules without a file are built in."""
    if not path:
        return True
    inside = Path(*module.split("."))
    known = Path(path).resolve()
    return any(
        known in (entry / inside / known.name, entry / inside.parent / known.name)
        for entry in (Path(entry or ".").resolve() for entry in sys.path)
    )


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")


def _short_name(function: Any) -> str:
    """Return a name for case ids: ``lambda`` or the last part of the qualified name."""
    return _word(getattr(function, "__qualname__", type(function).__name__).rpartition(".")[2]) or "function"


def _literal(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the arguments as a literal, or an empty text where reading it back does not give the same."""
    given = (tuple(args), dict(kwargs))
    text = repr(given)
    if len(text) > 10_000:
        return ""
    try:
        read = ast.literal_eval(text)
        same = bool(read == given)
    except Exception:  # noqa: BLE001 - any object may refuse to be compared
        return ""
    return text if same and _types(read) == _types(given) else ""


def _types(value: Any) -> Any:
    """Return the types in nested literals: 1 == True == 1.0, but they are not the same."""
    if isinstance(value, list | tuple):
        return type(value), [_types(item) for item in value]
    if isinstance(value, dict):
        return type(value), [(_types(key), _types(item)) for key, item in value.items()]
    return type(value)


def _packed(args: Sequence[Any], kwargs: Mapping[str, Any], items: Iterable[Any] | None) -> str:
    listed = None if items is None else list(items)
    if listed is not None and not listed:
        raise UsageError("no items to map over: pass at least one")
    try:
        data = pickle.dumps((tuple(args), dict(kwargs), listed), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise UsageError(
            f"the arguments cannot be sent to the measuring processes ({error}); "
            "pass plain data, or make them inside the function"
        ) from error
    return base64.b64encode(data).decode()


def _check_of(check: Callable[[Any], Any] | str) -> str:
    target, code = _located(check)
    if code:
        raise UsageError(f"the check {target} cannot be imported by a worker: define it at the top of a module")
    return target
