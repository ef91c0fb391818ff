"""Run a script or module as Python itself would, in this process, under a ``GilMonitor``.

The program gets its own ``__main__``, ``sys.argv`` and ``sys.path[0]``; its output is its own. What Python would do at
the end, show the traceback and exit with a status, is returned instead, so that the caller can report first.
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import CodeType, ModuleType, TracebackType
from typing import Any

from gilscope.core.errors import UsageError
from gilscope.telemetry.gil import GilMonitor
from gilscope.telemetry.reading import GilReport

__all__ = ["ProgramRun", "run_program"]

_INTERRUPTED = 130  # 128 + SIGINT, what shells report


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRun:
    """How a program went and what the probe saw.

    Parameters
    ----------
    target : str
        Path of the script, or ``-m module``.
    arguments : tuple of str
    exit_status : int
        What the process would have exited with.
    message : str
        What Python would have written to stderr at the end: a traceback, or the text given to ``sys.exit``.
    wall_s : float
    gil : GilReport
    forked_child : bool
        True in a child the program forked and did not end: not the program's own run, to be left with
        ``os._exit(exit_status)`` without a report.
    """

    target: str
    arguments: tuple[str, ...]
    exit_status: int
    message: str
    wall_s: float
    gil: GilReport
    forked_child: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and dicts."""
        return {
            "target": self.target,
            "arguments": list(self.arguments),
            "exit_status": self.exit_status,
            "wall_s": self.wall_s,
            "gil": self.gil.to_dict(),
        }


def _module_code(name: str) -> tuple[CodeType, dict[str, Any]]:
    """Code and ``__main__`` attributes of ``python -m name``."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise UsageError(f"module {name!r} cannot be found: {error}") from error
    code = getattr(spec.loader, "get_code", lambda _: None)(spec.name) if spec is not None else None
    if spec is None or code is None:
        raise UsageError(
            f"module {name!r} cannot be found, or has no code to run; is it installed for {sys.executable}?"
        )
    attributes = {
        "__spec__": spec,
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__cached__": spec.cached,
    }
    return code, attributes


def _script_body(path: str) -> Callable[[dict[str, Any]], object]:
    """Return what runs the script in the namespace of ``__main__``; folders and zip files run their ``__main__.py``."""
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        return lambda namespace: runpy.run_path(path, run_name="__main__")
    try:
        with io.open_code(os.path.abspath(path)) as stream:
            source = stream.read()
    except OSError as error:
        raise UsageError(
            f"script {path!r} cannot be read: {error.strerror}; name a script, or a module after -m"
        ) from error
    return lambda namespace: exec(compile(source, path, "exec"), namespace)


@contextmanager
def _as_main(argv: list[str], path: str, attributes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Put the program in the place of ``__main__`` and give its namespace; put everything back afterwards."""
    module = ModuleType("__main__")
    module.__dict__.update({"__builtins__": builtins, **attributes})
    before = sys.argv, sys.path[:], sys.modules.get("__main__")
    sys.argv, sys.path[0:1], sys.modules["__main__"] = argv, [path], module
    try:
        yield module.__dict__
    finally:
        sys.argv, sys.path[:] = before[0], before[1]
        if before[2] is not None:
            sys.modules["__main__"] = before[2]


def _join_threads() -> None:
    """Wait for the program's threads, as the interpreter does before it ends.

    Idle workers of ``concurrent.futures`` never end by themselves: the interpreter tells them to. They are left alone.
    """
    pools = sys.modules.get("concurrent.futures.thread")
    workers = getattr(pools, "_threads_queues", {})  # private: without it an idle pool would be waited for
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon and thread not in workers:
            thread.join()


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of gilscope and runpy above the program's first one."""
    ours = {__file__, runpy.__file__, "<frozen runpy>"}
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename in ours:
        first = first.tb_next
    return first


def _exit_of(error: SystemExit) -> tuple[int, str]:
    if error.code is None:
        return 0, ""
    if isinstance(error.code, int):
        return error.code & 0xFF, ""
    return 1, f"{error.code}\n"


def _run(body: Callable[[dict[str, Any]], object], namespace: dict[str, Any]) -> tuple[int, str]:
    """Run the program to its end, threads included; its exit status and last words."""
    try:
        try:
            body(namespace)
        finally:
            _join_threads()
    except SystemExit as error:
        return _exit_of(error)
    except BaseException as error:  # noqa: BLE001  (whatever a program dies of is its result)
        status = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        trace = _own_frames(error.__traceback__)
        if sys.excepthook is not sys.__excepthook__:  # the program shows its errors its own way
            sys.excepthook(type(error), error, trace)
            return status, ""
        return status, "".join(traceback.format_exception(type(error), error, trace))
    return 0, ""


def run_program(
    target: str, arguments: Sequence[str] = (), *, module: bool = False, rate_hz: float | None = None
) -> ProgramRun:
    """Run a script (``python target arguments``) or a module (``python -m target arguments``) under the GIL probe.

    Parameters
    ----------
    target : str
        Path of a script, folder or zip file; a module name if ``module``.
    rate_hz : float, optional
        As for ``GilMonitor``.

    Raises
    ------
    UsageError
        If there is no such script or module, or the rate makes no sense. What the program itself raises is part of the
        result.
    """
    monitor, pid = GilMonitor(rate_hz), os.getpid()
    if module:
        path, attributes = os.getcwd(), {}
    else:
        folder = target if os.path.isdir(target) else os.path.dirname(os.path.abspath(target))
        path, attributes = folder, {"__file__": target, "__spec__": None, "__package__": None, "__cached__": None}
        body = _script_body(target)
    with _as_main([target, *arguments], path, attributes) as namespace:
        if module:
            code, found = _module_code(target)
            namespace.update(found)
            sys.argv[0] = found["__file__"] or target
            body = partial(exec, code)
        began = time.perf_counter()
        with monitor:
            status, message = _run(body, namespace)
        wall_s = time.perf_counter() - began
    return ProgramRun(
        target=f"-m {target}" if module else target,
        arguments=tuple(arguments),
        exit_status=status,
        message=message,
        wall_s=wall_s,
        gil=monitor.report,
        forked_child=os.getpid() != pid,
    )
