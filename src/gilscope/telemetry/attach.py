"""``AttachedMonitor``: the GIL of another running process, without stopping it, writing to it or gilscope in it.

The same native thread as in ``gil`` copies the state of its lock and the stacks of its threads, from outside.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gilscope.core.errors import UnavailableError, UsageError
from gilscope.env.interpreter import free_threaded_build
from gilscope.telemetry.frames import WAITS_UNKNOWN, check_own_stack, entry_names
from gilscope.telemetry.free_threading import GilState
from gilscope.telemetry.gil import NO_GIL, GilMonitor
from gilscope.telemetry.process import Interpreter, command_of, interpreter_of, runs_python, status_of

_NO_COUNT = "the number of waiting threads is known with glibc 2.25 or newer, or from CPython 3.15 on"


class TaskNames:
    """Names of the threads of another process by native id, as the kernel has them.

    Python tells the kernel the names of its threads from 3.14 on. A name that is the program's own says nothing and is
    left out.
    """

    def __init__(self, pid: int) -> None:
        self.by_native_id: dict[int, str] = {}
        self._pid = pid

    def start(self) -> None:
        """Begin."""
        self.refresh()

    def stop(self) -> None:
        """Take the last names, of a process that still runs."""
        self.refresh()

    def refresh(self) -> None:
        """Take the names of all living threads."""
        program = command_of(self._pid)
        with suppress(OSError):  # it has ended
            for task in os.listdir(f"/proc/{self._pid}/task"):
                native = _native_id(self._pid, int(task))
                if int(task) == self._pid:
                    self.by_native_id[native] = "MainThread"
                    continue
                with suppress(OSError):  # this thread has ended
                    name = Path(f"/proc/{self._pid}/task/{task}/comm").read_text(encoding="utf-8", errors="replace")
                    if name.strip() != program:
                        self.by_native_id[native] = name.strip()


def _native_id(pid: int, task: int) -> int:
    """The id that a thread has in its own namespace, which is the one it knows of."""
    inner = status_of(pid, task).get("NSpid", "").split()
    return int(inner[-1]) if inner else task


class AttachedMonitor(GilMonitor):
    """Measure the GIL of another process, of the same minor version of Python, while the body of ``with`` runs.

    Has everything that ``GilMonitor`` has. Where the process ends meanwhile, ``ended`` is True and the window is what
    was seen of it.

    Parameters
    ----------
    pid : int
        The process. UsageError if there is none, or it does not run such a Python; UnavailableError, with what to do,
        where the system does not let it be read.
    rate_hz, keep_holds, lines
        As for ``GilMonitor``.
    """

    def __init__(self, pid: int, rate_hz: float | None = None, *, keep_holds: int = 0, lines: bool = True) -> None:
        super().__init__(rate_hz, keep_holds=keep_holds, lines=lines)
        self.interpreter = interpreter_of(pid)
        self._names = TaskNames(pid)
        self._process = (pid, self.interpreter.runtime, self.interpreter.code_type, self.interpreter.libc_byte)
        self._found, self._waits_reason = _what_is_known(self.interpreter)

    def _begin(self) -> None:
        self._reasons = self._found
        self._make_samplers(self._process)

    @property
    def pid(self) -> int:
        """The process."""
        return self.interpreter.pid

    @property
    def ended(self) -> bool:
        """Whether the process has ended, or become another program, while it was measured."""
        sampler = self._sampler or self._watcher
        return sampler is not None and sampler.gone

    def _thread_names(self) -> Mapping[int, str]:
        sampler = self._sampler or self._watcher
        raw = sampler.stacks() if sampler is not None else None
        return {**({} if raw is None else entry_names(raw)), **self._names.by_native_id}

    def _gil_state(self) -> GilState:
        from gilscope.telemetry import _gilprobe

        build = free_threaded_build()  # of the same kind, or it would have been refused
        enabled = self._found["held"] != NO_GIL
        if not enabled:
            with suppress(RuntimeError):  # it has ended: as it was
                enabled = _gilprobe.locate_in(*self._process, self.pid)["gil"]
        reason = "switched on; by what is not known of another process" if build and enabled else ""
        return GilState(enabled=enabled, free_threaded_build=build, reason=reason)


def _what_is_known(interpreter: Interpreter) -> tuple[dict[str, str], str]:
    """Reasons per part of the probe, empty where it works, and why it is not known what threads wait for."""
    from gilscope.telemetry import _gilprobe

    pid = interpreter.pid
    nested = _native_id(pid, pid) != pid
    try:
        found = _gilprobe.locate_in(pid, interpreter.runtime, interpreter.code_type, interpreter.libc_byte, pid)
    except RuntimeError as error:
        if command_of(pid) == "":
            raise UsageError(f"process {pid} has ended") from error
        raise UnavailableError(f"process {pid} cannot be measured: {error}") from error
    waiting = "" if found["waiting"] else _NO_COUNT
    lines = check_own_stack() if interpreter.code_type else "the program does not export PyCode_Type"
    sleeps = "the process has another namespace of ids" if nested else "" if found["sleeps"] else WAITS_UNKNOWN
    if not found["gil"]:
        return {**dict.fromkeys(("held", "waiting", "threads", "overdue"), NO_GIL), "lines": lines}, sleeps
    return {"held": "", "waiting": waiting, "threads": "", "overdue": waiting, "lines": lines}, sleeps


def allow_attach() -> None:
    """Let other processes of the same user measure this one, where the system only lets its parent (Yama).

    Does nothing elsewhere. It lets them read all memory of this process, as any debugger could.
    """
    from gilscope.telemetry import _gilprobe

    _gilprobe.allow_attach()


def python_children(pid: int) -> tuple[int, ...]:
    """All processes that a process started, and those that they did, which run Python now; in order of their ids."""
    found, todo = set[int](), [pid]
    while todo:
        for child in _children(todo.pop()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return tuple(sorted(child for child in found if runs_python(child)))


def _children(pid: int) -> list[int]:
    """Child processes; by psutil where the kernel does not list them."""
    try:
        texts = [Path(f"/proc/{pid}/task/{task}/children").read_text() for task in os.listdir(f"/proc/{pid}/task")]
        return [int(child) for text in texts for child in text.split()]
    except OSError:
        import psutil

        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
