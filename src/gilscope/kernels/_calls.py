"""The worker's side of the user's own functions: import one, call it once per item. Standard library only.

A *definition* is a mapping of texts: ``target`` (``pkg.module:function`` or ``/folder/file.py:function``), ``folder``
(searched for modules, the working directory of every call), ``arguments`` (a Python literal: positional and named),
``setup``, ``items`` and ``check`` (targets, or empty), and optionally ``packed`` (arguments that are not literals, and
items), ``code`` (the function itself), ``path`` (more folders) and ``fresh`` (not empty: calls change their arguments,
so each gets a copy of them).
"""

from __future__ import annotations

import ast
import base64
import copy
import functools
import importlib
import importlib.util
import inspect
import itertools
import multiprocessing
import os
import pickle
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gilscope.core.errors import UsageError, WorkerRaisedError, one_line
from gilscope.core.pep734 import inside
from gilscope.kernels._byvalue import unpack

_ALONE = {
    "serial": "call it once yourself with the same arguments",
    "threads": "it went well outside threads: find what its calls share, or use processes",
    "processes": "it went well in the main process: find what it needs from there, or use threads",
    "interpreters": "it went well in the main interpreter: find what it needs from there, or use processes",
}
"""What to do about a call that raises there: before, it was called alone in the main thread."""

_CURES: Mapping[type[BaseException], str] = {
    SystemExit: "return from the function instead of calling sys.exit",
    SyntaxError: "this Python cannot read it",
    MemoryError: "it needs more memory than there is: use smaller arguments or fewer workers",
    ModuleNotFoundError: "start gilscope in the folder the module is in, or install it for this Python",
}
"""By what was raised, wherever that was."""

_SENT_TO = {"processes": "a process", "interpreters": "an interpreter"}
"""Where functions arrive by name and results leave as copies, as in the pools of ``concurrent.futures``."""

_SHARED_BY = {"threads": "all threads", "interpreters": "all interpreters of a process"}
"""Who shares a worker's working directory."""

_LOADING = threading.Lock()  # modules from files are not covered by the import system's own locks


class CallError(WorkerRaisedError):
    """The function could not be called; the message has the cure."""


class TargetError(CallError, UsageError):
    """A target does not lead to a function: the user named something else, or it cannot be imported."""


def import_target(target: str, folder: str) -> Any:
    """Import what ``pkg.module:function`` or ``/folder/file.py:function`` names, or raise TargetError."""
    place, _, path = target.rpartition(":")
    with explained(f"importing {place}", "it must be importable without side effects", TargetError):
        found: Any = _module(place, folder)
    for name in path.split("."):
        if not hasattr(found, name):
            raise TargetError(f"{place} has no {path!r}; {_similar(found, name, place)}")
        found = getattr(found, name)
    return found


def _similar(module: Any, name: str, place: str) -> str:
    """Suggest the nearest name, or those that are there."""
    import difflib  # who writes it right need not wait for it

    names = [known for known, value in vars(module).items() if callable(value) and not known.startswith("_")]
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {place}:{close[0]}?" if close else f"it has {', '.join(names[:5]) or 'no functions'}"


def _module(place: str, folder: str) -> ModuleType:
    """Import a module by its name, or from its file as part of the package it is in."""
    if not place.endswith(".py"):
        _search(folder)
        return importlib.import_module(place)
    path = Path(folder, place).resolve()
    name, root = path.stem, path.parent
    while (root / "__init__.py").is_file():
        name, root = f"{root.name}.{name}", root.parent
    _search(folder)
    _search(str(root))
    if "." in name:
        return importlib.import_module(name)
    with _LOADING:
        known = sys.modules.get(name)
        if known is not None and getattr(known, "__file__", None) == str(path):
            return known
        if known is not None or name in sys.stdlib_module_names:
            name = f"{name}_profiled"  # another module has this name: do not hide it
            if name in sys.modules:
                return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise ModuleNotFoundError(f"there is no file {place}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # found by pickle and by the module itself
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def _search(folder: str, *, last: bool = False) -> None:
    """Search ``folder`` for modules too: first, as ``python -m`` does with the current one, or last."""
    if folder not in sys.path:
        sys.path.insert(len(sys.path) if last else 0, folder)


@contextmanager
def explained(doing: str, cure: str, kind: type[CallError] = CallError) -> Iterator[None]:
    """Turn whatever the user's code raises into one line with a cure and the traceback as detail."""
    try:
        yield
    except CallError:
        raise
    except BaseException as error:
        known = next((fix for raised, fix in _CURES.items() if isinstance(error, raised)), "")
        raise kind(f"{doing}: {_said(error)}; {known or cure}", traceback.format_exc()) from error


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {error.msg}"
    return one_line(error)


def _where() -> str:
    """Name the executor that the calling code runs in."""
    if inside():
        return "interpreters"
    if multiprocessing.parent_process() is not None:
        return "processes"
    return "serial" if threading.current_thread() is threading.main_thread() else "threads"


class Calls:
    """A chunked function (see ``gilscope.core.spec``) that calls the user's once per item.

    ``dispatcher`` is the function itself, which knows how it was compiled; ``home`` the folder it is called in;
    ``given`` its arguments, named ones and ``items``: what it is mapped over, or None. ``moves``: it has changed the
    working directory. Raises CallError if something of it cannot be imported, set up, or sent to the worker it is in.
    """

    def __init__(self, definition: Mapping[str, str]) -> None:
        self.home = definition["folder"]
        self._target = target = definition["target"]
        for folder in filter(None, definition.get("path", "").split(os.pathsep)):
            _search(folder, last=True)
        code = definition.get("code")
        with explained(f"rebuilding {target}", "define it at the top of a module"):
            function: Callable[..., Any] = unpack(code) if code else import_target(target, self.home)
        if not callable(function):
            raise TargetError(f"{target} is not a function: its type is {type(function).__name__}")
        if place := _SENT_TO.get(_where()):
            kind = "lambda" if getattr(function, "__name__", "") == "<lambda>" else "function"
            cure = "define it by def at the top of a module, under the name it is called by"  # it travels by its name
            _check_pickles(function, f"the {kind} {target} cannot be sent to {place}", cure)
        args, kwargs, listed = _arguments(definition)
        items = listed or _items(definition["items"], self.home)
        _check_given(target, function, (*(items or ())[:1], *args), kwargs, definition["setup"])
        self._bind(function, args, kwargs, items)
        check = definition["check"]
        self._check: Callable[..., Any] | None = import_target(check, self.home) if check else None
        self._as_given = pickle.dumps(self.state()) if definition.get("fresh") else b""
        self._copies: list[Callable[[], Any]] = []
        self._used = 0
        self._careful_calls: Counter[tuple[int, int]] = Counter()
        self._inspected = False
        self.moves = False

    def _bind(self, function: Callable[..., Any], *given: Any) -> None:
        self.dispatcher, self.given = function, given
        args, kwargs, self.items = given
        if self.items is not None and args:  # the item comes first
            self._call: Callable[..., Any] = lambda item: function(item, *args, **kwargs)
        else:
            self._call = functools.partial(function, *args, **kwargs) if args or kwargs else function

    def bound(self, function: Callable[..., Any], *given: Any) -> Calls:
        """Return a copy that calls another function, or with other arguments, named arguments and items."""
        other = copy.copy(self)
        other._bind(function, *(given or self.given))
        return other

    def state(self) -> tuple[Any, ...]:
        """Return what calls can change: arguments, named ones, items, and the function's defaults."""
        function = self.dispatcher
        return self.given, getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)

    def again(self, packed: bytes) -> Calls:
        """Return a copy with arguments and defaults as they were when ``state()`` was pickled."""
        given, defaults, named = pickle.loads(packed)
        old = self.dispatcher
        if not isinstance(old, FunctionType):
            return self.bound(old, *given)
        new = FunctionType(old.__code__, old.__globals__, old.__name__, defaults, old.__closure__)
        new.__kwdefaults__ = named
        return self.bound(new, *given)

    def refreshed(self, packed: bytes) -> Calls:
        """Return a copy each of whose calls gets its own copy of what was pickled."""
        other = self.again(packed)
        other._as_given, other._copies, other._used = packed, [], 0
        return other

    def prepare(self, calls: int) -> None:
        """Make the copies for so many calls by ``run``, where calls need them: before the clock starts."""
        if self._as_given and (self._used or len(self._copies) < calls):
            self._copies.clear()
            self._used = 0
            self._copies += [self.again(self._as_given)._call for _ in range(calls)]

    def __call__(self, phase: int, lo: int, hi: int, params: Mapping[str, int], buffers: Any) -> str | None:
        """Call the function ``hi - lo`` times; return what the check complains about, if anything."""
        # Warming up calls one item, verifying every chunk; neither is timed. Both call a chunk of one item.
        if self._careful_calls[lo, hi] < (2 if hi - lo == 1 else 1):
            self._careful_calls[lo, hi] += 1
            return self._carefully(lo, hi)
        self.run(lo, hi)
        return None

    def run(self, lo: int, hi: int) -> None:
        """Call the function once per item, and nothing else."""
        if self.moves:
            self._carefully(lo, hi)
            return
        call, items = self._call, self.items
        with explained(f"calling {self._target} again and again", "the first calls went well: find what adds up"):
            if self._as_given:
                for changed in self._next_copies(hi - lo):
                    changed()
            elif items is None:
                for _ in itertools.repeat(None, hi - lo):
                    call()
            else:
                count = len(items)
                for index in range(lo, hi):
                    call(items[index % count])

    def _next_copies(self, calls: int) -> list[Callable[[], Any]]:
        """Return copies not used yet; all stay until new ones are made, for freeing them takes time too."""
        first, self._used = self._used, self._used + calls
        while len(self._copies) < self._used:  # what was not prepared
            self._copies.append(self.again(self._as_given)._call)
        return self._copies[first : self._used]

    def one(self, index: int) -> Any:
        """Call the function once, for item ``index`` where there are items; return its result."""
        if self._as_given:
            return self.again(self._as_given)._call()
        return self._call() if self.items is None else self._call(self.items[index % len(self.items)])

    def _carefully(self, lo: int, hi: int) -> str | None:
        """Call from the home folder, inspect the first result, and check every one."""
        complaint: str | None = None
        for index in range(lo, hi):
            os.chdir(self.home)
            with explained(f"calling {self._target}", _ALONE[_where()]):
                result = self.one(index)
            if not self._inspected:
                self._inspect(result)
                self._inspected = True
            if self._check is not None and complaint is None:
                complaint = self._judge(self._check, result)
        return complaint

    def _inspect(self, result: Any) -> None:
        """Refuse what makes a figure meaningless, or impossible under this executor."""
        if inspect.iscoroutine(result):
            result.close()
            raise CallError(f"{self._target} is a coroutine function: profile a function that runs it (asyncio.run)")
        if inspect.isgenerator(result):
            raise CallError(f"{self._target} returns a generator, so nothing has run: return list(...) of it")
        if os.getcwd() != os.path.realpath(self.home):
            if sharers := _SHARED_BY.get(_where()):
                raise CallError(
                    f"{self._target} changes the working directory, which {sharers} share: use absolute paths"
                )
            self.moves = True  # changed back before every call, so that each begins where the first did
        if place := _SENT_TO.get(_where()):
            what = f"{self._target} returns a {type(result).__name__}, which cannot be sent back from {place}"
            _check_pickles(result, what, "return plain data, or use threads")

    def _judge(self, check: Callable[..., Any], result: Any) -> str | None:
        with explained("checking a result", "the check must return True, or raise AssertionError"):
            try:
                verdict = check(result)
            except AssertionError as error:
                return f"the check of {self._target} failed: {error or 'AssertionError'}"
        return None if verdict is None or verdict is True else f"the check of {self._target} returned {verdict!r:.80}"


def _check_given(
    target: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], setup: str
) -> None:
    """Raise TargetError if a parameter without a default gets no argument; whatever else does not fit, the call tells.

    A decorator may supply arguments, so that its own parameters count and not those of what it wraps.
    """
    try:
        signature = inspect.signature(function, follow_wrapped=False)
        given = signature.bind_partial(*args, **kwargs).arguments
    except Exception:  # noqa: BLE001 - any object can be callable, and answer anything
        return
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [
        name
        for name, one in signature.parameters.items()
        if one.default is one.empty and one.kind not in optional and name not in given
    ]
    if not missing:
        return
    place, _, name = target.rpartition(":")
    needs = f"{name} needs {', '.join(map(repr, missing))}"
    if setup:
        raise TargetError(f"{needs}: let {setup} return it too: one value, a tuple, or a dict by name")
    named = " ".join(f"--arg {'' if _is_positional(signature, one) else f'{one}='}'\"...\"'" for one in missing)
    raise TargetError(
        f"{needs}: give it with {named}, or by --setup {place}:make, a function that returns the arguments"
    )


def _is_positional(signature: inspect.Signature, name: str) -> bool:
    return signature.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY


def _items(target: str, folder: str) -> Sequence[Any] | None:
    if not target:
        return None
    found = import_target(target, folder)
    with explained(f"making the items by {target}", "it must return something to iterate over"):
        items = list(found() if callable(found) else found)
    if not items:
        raise CallError(f"{target} has no items: return at least one")
    return items


def _arguments(definition: Mapping[str, str]) -> tuple[tuple[Any, ...], dict[str, Any], list[Any] | None]:
    """Return positional arguments, named ones and items; made in every worker, so that workers share no objects."""
    (args, kwargs), items = ast.literal_eval(definition["arguments"]), None
    if definition.get("packed"):
        with explained("unpacking the arguments", "pass arguments whose classes a worker can import"):
            args, kwargs, items = pickle.loads(base64.b64decode(definition["packed"]))
    if definition["setup"]:
        make_args = import_target(definition["setup"], definition["folder"])
        with explained(f"making the arguments by {definition['setup']}", "call it once yourself"):
            made = make_args()
        if isinstance(made, Mapping):
            kwargs = {**made, **kwargs}
        else:
            args = (*(made if isinstance(made, tuple) else (made,)), *args)
    return tuple(args), dict(kwargs), items


def _check_pickles(value: object, what: str, cure: str) -> None:
    """Refuse what pools of processes or interpreters cannot be given, or cannot give back: it travels as a pickle."""
    try:
        pickle.dumps(value)
    except Exception as error:
        raise CallError(f"{what} ({one_line(error)}); {cure}") from error
