"""The child's side of the ``processes`` executor. Standard library only."""

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing import reduction
from typing import Any

from gilscope.executors._shm import HAS_MEMFD, MappedChannel, Segment
from gilscope.executors._worker import serve

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(connection: Any, index: int, tokens: Any) -> None:
    """Serve commands from ``connection`` until it closes."""
    die_with_parent()
    _release_forkserver()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    connection.send(("ok", index))
    serve(_ProcessChannel(connection, tokens))


def _release_forkserver() -> None:
    """Close this end of the pipe that keeps the forkserver alive; the runner's own end is the one that counts.

    Otherwise forkserver and workers would keep each other alive after the runner was killed.
    """
    known = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    fd = getattr(known, "_forkserver_alive_fd", None)
    if fd is not None:
        os.close(fd)
        known._forkserver_alive_fd = None  # type: ignore[union-attr]


def die_with_parent() -> None:
    """Ask Linux to kill this process when the thread that started it ends; elsewhere its pipe closes."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _ProcessChannel(MappedChannel):
    """Commands over a pipe; segments by descriptor (or by name) after the command that announces them."""

    def __init__(self, connection: Any, tokens: Any) -> None:
        super().__init__(tokens)
        self._connection = connection

    def receive(self) -> tuple[Any, ...]:
        command: tuple[Any, ...] = self._connection.recv()
        return command

    def send(self, answer: tuple[Any, ...]) -> None:
        self._connection.send(answer)

    def adopt(self, key: str, nbytes: int) -> None:
        if HAS_MEMFD:
            self.segments[key] = Segment(nbytes, fd=reduction.recv_handle(self._connection))
        else:
            self.segments[key] = Segment(nbytes, name=self._connection.recv())
