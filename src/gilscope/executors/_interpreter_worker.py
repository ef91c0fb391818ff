"""The worker's side of the ``interpreters`` executor, run inside a sub-interpreter. Standard library only.

Commands and answers are pickles in pipes, whose descriptors belong to the process, so every interpreter has them. The
queues of PEP 734 are polled every 10 ms (3.13, 3.14).
"""

import os
import pickle
import struct
from collections.abc import Sequence
from typing import Any

from gilscope.core import pep734
from gilscope.executors._shm import HAS_MEMFD, MappedChannel, Segment
from gilscope.executors._worker import serve

_LENGTH = struct.Struct("=Q")


def write_message(fd: int, message: Any) -> None:
    """Write one message to a pipe; OSError if it has no reader."""
    body = pickle.dumps(message)
    data = memoryview(_LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(fd, data) :]


def read_message(fd: int) -> Any:
    """Read one message from a pipe; EOFError if it has no writer left."""
    (length,) = _LENGTH.unpack(_exactly(fd, _LENGTH.size))
    return pickle.loads(_exactly(fd, length))


def _exactly(fd: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(fd, count)
        if not part:
            raise EOFError("the other side is gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class _InterpreterChannel(MappedChannel):
    """Messages over two pipes; segments by descriptor (or by name) after the command that announces them."""

    def __init__(self, commands_fd: int, answers_fd: int, tokens: Any) -> None:
        super().__init__(tokens)
        self._commands_fd, self._answers_fd = commands_fd, answers_fd

    def receive(self) -> tuple[Any, ...]:
        command: tuple[Any, ...] = read_message(self._commands_fd)
        return command

    def send(self, answer: tuple[Any, ...]) -> None:
        write_message(self._answers_fd, answer)

    def adopt(self, key: str, nbytes: int) -> None:
        where = read_message(self._commands_fd)
        # A descriptor of its own, to map and close.
        self.segments[key] = Segment(nbytes, fd=os.dup(where)) if HAS_MEMFD else Segment(nbytes, name=where)


def main(commands_fd: int, answers_fd: int, index: int, token_fds: Sequence[tuple[int, int]]) -> None:
    """Serve commands from one pipe and answer into the other until the first closes."""
    pep734.enter()
    write_message(answers_fd, ("ok", index))
    serve(_InterpreterChannel(commands_fd, answers_fd, _tokens(token_fds)))


def _tokens(fds: Sequence[tuple[int, int]]) -> Any:
    """Make connections of this interpreter's own from the descriptors of the token pipes, if there are any."""
    if not fds:
        return None
    from multiprocessing.connection import Connection

    pipes = [(Connection(os.dup(r), writable=False), Connection(os.dup(w), readable=False)) for r, w in fds]
    return pipes[0], pipes[1:]
