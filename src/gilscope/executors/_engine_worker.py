"""The worker's side of engines that are not ours: any thread of any process may do a task. Standard library only."""

import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from gilscope import __version__
from gilscope.executors import _task_worker

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_bind = threading.Lock()  # threads of a process share the jobs that are known


class Place(NamedTuple):
    """Where a task was done."""

    machine: str  # the same for processes that share clocks and memory
    python: str
    gilscope: str
    pid: int
    thread: int


def here() -> Place:
    """Return where the caller is."""
    machine = _BOOT_ID.read_text() if _BOOT_ID.exists() else platform.node()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Place(machine, python, __version__, os.getpid(), threading.get_native_id())


def hold(seconds: float) -> Place:
    """Keep the worker busy, so that the next such task goes to another one; return where that was."""
    time.sleep(seconds)
    return here()


def _own(key: str) -> tuple[str, str]:
    """Return what the calling thread is called, and its key of a job: threads have buffer objects of their own."""
    worker = f"{os.getpid()}.{threading.get_native_id()}"
    return worker, f"{key}.{worker}"


def make_ready(key: str, blob: bytes, hold_s: float) -> _task_worker.Answer:
    """See ``_task_worker.make_ready``."""
    until = time.perf_counter() + hold_s
    worker, own = _own(key)
    with _bind:
        answer = _task_worker.make_ready(own, blob, None, 0.0, worker)
    time.sleep(max(0.0, until - time.perf_counter()))
    return answer


def run(key: str, blob: bytes, phase: int, work: _task_worker.Work) -> _task_worker.Answer:
    """See ``_task_worker.run``."""
    worker, own = _own(key)
    if not _task_worker.knows(own):
        with _bind:
            _task_worker.learn(own, blob)
    return _task_worker.run(own, blob, None, phase, work, worker)
