"""Watch processes from outside: a running one, and the child processes of one as they come and go.

Each has a monitor of its own, ``telemetry.attach.AttachedMonitor``, which reads its memory and changes nothing.
"""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from gilscope.core.errors import GilscopeError
from gilscope.telemetry.reading import GilReport

LOOK_S = 0.25  # seconds between looks for processes that began or ended
_YOUNG_S = 5.0  # seconds that a new process gets until its interpreter can be read


class Monitor(Protocol):
    """What is used of a monitor."""

    @property
    def report(self) -> GilReport:
        """What is known so far, with the reasons for what is not."""

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> object: ...


def attach(pid: int, rate_hz: float | None) -> Monitor:
    """Return a monitor of a running process; UsageError or UnavailableError where it cannot be watched."""
    monitor: Monitor = import_module("gilscope.telemetry.attach").AttachedMonitor(pid, rate_hz)
    return monitor


def python_children(pid: int) -> tuple[int, ...]:
    """Return the child processes of a process, and theirs, that run Python."""
    return tuple(import_module("gilscope.telemetry.attach").python_children(pid))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRun:
    """What was seen of one process."""

    pid: int
    command: str
    wall_s: float  # for how long it was watched
    cpu_s: float  # CPU seconds meanwhile
    children_cpu_s: float  # those of child processes that ended and were waited for
    gil: GilReport


class Watched:
    """A process that is being watched, from now until ``stop``; raises what ``attach`` does."""

    def __init__(self, pid: int, rate_hz: float | None = None) -> None:
        import psutil

        self.pid = pid
        self._monitor = attach(pid, rate_hz)
        self._monitor.__enter__()
        self._began_s = self._last_s = time.monotonic()
        self._ended, self.command, self.folder = False, "", ""
        self._cpu = (0.0, 0.0)
        self._process: psutil.Process | None = None
        with suppress(psutil.Error):  # it ended meanwhile, or is somebody else's
            self._process = psutil.Process(pid)
            self.command = " ".join(self._process.cmdline())
            self.folder = self._process.cwd()
        self._cpu_before = self._cpu = self._cpu_s()

    def look(self) -> bool:
        """Take the CPU time so far; return whether the process still runs."""
        import psutil

        try:
            running = self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            running = False
        if not self._ended:
            self._cpu, self._last_s = self._cpu_s(), time.monotonic()
        if not running:
            self.stop()
        return running

    def stop(self) -> None:
        """End the measurement; a second call does nothing."""
        if not self._ended:
            self._ended = True
            self._monitor.__exit__(None, None, None)

    def _cpu_s(self) -> tuple[float, float]:
        """Return its CPU seconds and those of its ended children; the last ones known where it has ended."""
        import psutil

        try:
            times = self._process.cpu_times() if self._process is not None else None
        except psutil.Error:
            times = None
        if times is None:
            return self._cpu
        return times.user + times.system, times.children_user + times.children_system

    @property
    def run(self) -> ProcessRun:
        """What was seen so far."""
        own, children = (now - before for now, before in zip(self._cpu, self._cpu_before, strict=True))
        return ProcessRun(
            pid=self.pid,
            command=self.command,
            wall_s=self._last_s - self._began_s,
            cpu_s=own,
            children_cpu_s=children,
            gil=self._monitor.report,
        )


class Children:
    """The child processes of a process that run Python, each watched from when it is seen to its end."""

    def __init__(self, pid: int, rate_hz: float | None = None) -> None:
        self._pid, self._rate_hz, self._home = pid, rate_hz, os.getpid()
        self._watched: dict[int, Watched] = {}
        self._young: dict[int, float] = {}  # until when their interpreter may not be readable yet
        self._refused: dict[int, ProcessRun] = {}
        self._over, self._lock = False, _thread.allocate_lock()

    def look(self) -> None:
        """Begin to watch those that are new, and stop where they have ended."""
        with self._lock:
            for child in self._watched.values():
                child.look()
            for pid in python_children(self._pid):
                if not self._over and pid not in self._watched and pid not in self._refused:
                    self._begin(pid)

    def _begin(self, pid: int) -> None:
        now_s = time.monotonic()
        until_s = self._young.setdefault(pid, now_s + _YOUNG_S)
        try:
            self._watched[pid] = Watched(pid, self._rate_hz)
        except GilscopeError as error:
            if now_s >= until_s:
                gil = GilReport(available=False, reason=str(error))
                self._refused[pid] = ProcessRun(pid=pid, command="", wall_s=0.0, cpu_s=0.0, children_cpu_s=0.0, gil=gil)

    @contextmanager
    def followed(self) -> Iterator[Children]:
        """Look every quarter of a second while the block runs, in a thread that the program does not see."""
        _thread.start_new_thread(self._follow, ())
        try:
            yield self
        finally:
            self.stop()

    def _follow(self) -> None:
        while not self._over and os.getpid() == self._home:
            self.look()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End all measurements; nothing in a process that was forked meanwhile, where they never ran."""
        if os.getpid() != self._home:
            return
        self._over = True
        with self._lock:
            for child in self._watched.values():
                child.look()
                child.stop()

    @property
    def runs(self) -> tuple[ProcessRun, ...]:
        """What was seen of each, in the order in which they were found."""
        return (*(child.run for child in self._watched.values()), *self._refused.values())
