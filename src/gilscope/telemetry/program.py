"""Run a script or module as Python itself would, in this process, under a ``GilMonitor``.

The program gets its own ``__main__``, ``sys.argv`` and ``sys.path[0]``, and writes its own output. What Python would do
at the end, print the traceback and exit with a status, is returned instead, so that the caller can report first.
"""

import builtins
import importlib.util
import io
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import CodeType, ModuleType, TracebackType
from typing import Any

from gilscope.core.errors import UsageError
from gilscope.telemetry.blame import without_unused
from gilscope.telemetry.gil import GilMonitor
from gilscope.telemetry.reading import GilReport
from gilscope.telemetry.stacks import Stacks

_INTERRUPTED = 130  # 128 + SIGINT, what shells report
_NOT_JOINED = (
    "threads that were still alive at the end were not waited for: "
    "this Python does not list the idle workers of concurrent.futures"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRun:
    """How a program went and what the probe measured."""

    target: str  # path of the script, or "-m module"
    arguments: tuple[str, ...]
    exit_status: int  # what the process would have exited with
    message: str  # what Python would have written to stderr at the end: a traceback, or the text given to sys.exit
    wall_s: float
    gil: GilReport
    note: str = ""  # what could not be done as Python itself would
    forked_child: bool = False  # in a child the program forked and did not end: leave it by os._exit, without a report


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
    """Make the program ``__main__`` and yield its namespace; restore everything afterwards."""
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


def _pool_workers() -> Collection[threading.Thread] | None:
    """Return the threads of all pools of ``concurrent.futures``; None where this Python does not list them.

    Idle workers only end when the interpreter itself does, so they must not be waited for. The list is private.
    """
    pools = sys.modules.get("concurrent.futures.thread")
    return () if pools is None else getattr(pools, "_threads_queues", None)


def _join_threads() -> str:
    """Wait for the program's threads, as the interpreter does before it ends; return a note if it cannot be done."""
    workers = _pool_workers()
    others = [t for t in threading.enumerate() if t is not threading.current_thread() and not t.daemon]
    if workers is None:
        return _NOT_JOINED if others else ""
    for thread in others:
        if thread not in workers:
            thread.join()
    return ""


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of gilscope and runpy above the program's first one."""
    ours = {__file__, runpy.__file__, "<frozen runpy>"}
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename in ours:
        first = first.tb_next
    return first


def _own_part(stacks: Stacks) -> Stacks:
    """Leave out the frames of gilscope and runpy that the program's first one was called from."""
    ours = {__file__, runpy.__file__, "<frozen runpy>"}
    cut = []
    for stack in stacks.stacks:
        files = [stacks.frames[place].file for place in stack.frames]
        length = files.index(__file__) if __file__ in files else len(files)
        while length and files[length - 1] in ours:
            length -= 1
        cut.append(replace(stack, frames=stack.frames[:length]))
    return without_unused(replace(stacks, stacks=tuple(cut)))


def _exit_of(error: SystemExit) -> tuple[int, str]:
    if error.code is None:
        return 0, ""
    if isinstance(error.code, int):
        return error.code & 0xFF, ""
    return 1, f"{error.code}\n"


def _run(body: Callable[[dict[str, Any]], object], namespace: dict[str, Any], notes: list[str]) -> tuple[int, str]:
    """Run the program to its end, threads included; return exit status and last message."""
    try:
        try:
            body(namespace)
        finally:
            notes.append(_join_threads())
    except SystemExit as error:
        return _exit_of(error)
    except BaseException as error:  # noqa: BLE001  (however a program ends is its result)
        status = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        trace = _own_frames(error.__traceback__)
        if sys.excepthook is not sys.__excepthook__:  # the program shows its errors its own way
            sys.excepthook(type(error), error, trace)
            return status, ""
        return status, "".join(traceback.format_exception(type(error), error, trace))
    return 0, ""


def run_program(
    target: str,
    arguments: Sequence[str] = (),
    *,
    module: bool = False,
    rate_hz: float | None = None,
    lines: bool = False,
    latency: bool = False,
) -> ProgramRun:
    """Run a script (``python target arguments``) or a module (``python -m target arguments``) under the GIL probe.

    ``target`` is the path of a script, folder or zip file, or the name of a ``module``; ``rate_hz``, ``lines`` and
    ``latency`` as for ``GilMonitor``. Raises UsageError if there is no such script or module, or for an invalid rate.
    What the program itself raises is part of the result.
    """
    monitor, pid = GilMonitor(rate_hz, lines=lines, latency=latency), os.getpid()
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
        notes: list[str] = []
        began = time.perf_counter()
        with monitor:
            status, message = _run(body, namespace, notes)
        wall_s = time.perf_counter() - began
    gil = monitor.report
    return ProgramRun(
        target=f"-m {target}" if module else target,
        arguments=tuple(arguments),
        exit_status=status,
        message=message,
        wall_s=wall_s,
        gil=replace(gil, stacks=_own_part(gil.stacks)) if gil.stacks is not None else gil,
        note="".join(notes),
        forked_child=os.getpid() != pid,
    )
