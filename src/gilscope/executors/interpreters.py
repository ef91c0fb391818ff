"""Sub-interpreters of one process, each with a GIL of its own (PEP 684) and a thread that runs it (PEP 734)."""

import importlib.util
import os
import re
import sys
import threading
from collections.abc import Sequence
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError, WorkerRaisedError
from gilscope.core.pep734 import BACKPORT, api
from gilscope.core.spec import Availability, Impl
from gilscope.executors._interpreter_worker import read_message, write_message
from gilscope.executors._pool import PipedPool
from gilscope.executors._shm import HAS_MEMFD, Segment

_CANNOT_BE_IMPORTED = ("numpy", "numba")  # single-phase initialisation, or state that interpreters would share
_REFUSED = re.compile(r"module (\S+) does not support loading in subinterpreters")  # CPython's import.c, since 3.12


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Sub-interpreters run what they can import: pure Python, the standard library, our Cython modules."""
    if package := next((package for package in _CANNOT_BE_IMPORTED if package in impl.needs), None):
        return Availability(ok=False, **_refusal(package))
    if sys.version_info >= (3, 14):
        return Availability(ok=True)
    if sys.version_info < (3, 13):
        reason = f"Python {sys.version_info.major}.{sys.version_info.minor} has no sub-interpreters for programs"
        cure = "use Python 3.14, or 3.13 with: pip install 'gilscope[interpreters]'"
        return Availability(ok=False, reason=reason, cure=cure)
    if importlib.util.find_spec(BACKPORT) is None:
        reason = "Python 3.13 has sub-interpreters only with the package interpreters-pep-734"
        return Availability(ok=False, reason=reason, cure="Install it with: pip install 'gilscope[interpreters]'")
    return Availability(ok=True)


def _refusal(package: str) -> dict[str, str]:
    """Return reason and cure where sub-interpreters cannot import a package."""
    return {
        "reason": f"{package} cannot be imported in a sub-interpreter with a GIL of its own",
        "cure": "use --executors threads or processes",
    }


class InterpreterPool(PipedPool):
    """Sub-interpreters that live until ``close``; idle ones block on their pipe and hold no GIL."""

    def __init__(self, max_workers: int, cpus: int, start_method: str = "") -> None:
        super().__init__(max_workers, cpus)
        token_fds: list[tuple[int, int]] = [os.pipe() for _ in range(max_workers + 1)] if self.barriers is None else []
        self._token_fds = [fd for pair in token_fds for fd in pair]
        self._commands: list[int] = []
        self._fates: dict[int, str] = {}
        self._threads = []
        opened = clocks.wall_ns()
        for index in range(max_workers):
            their_commands, commands = os.pipe()
            answers, their_answers = os.pipe()
            self._commands.append(commands)
            self.pipes.append(answers)
            given = (index, their_commands, their_answers, token_fds)
            thread = threading.Thread(target=self._live, args=given, name=f"interpreter-{index}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self.ready_ns = [received - opened for _, received in self.collect(max_workers)]

    def _live(self, index: int, commands_fd: int, answers_fd: int, token_fds: Any) -> None:
        """Run a worker in an interpreter of its own; when it ends, its pipes close, which the parent sees."""
        try:
            interpreter = api().create()
            interpreter.exec(
                f"import sys\nsys.path[:] = {sys.path!r}\n"
                "from gilscope.executors._interpreter_worker import main\n"
                f"main({commands_fd}, {answers_fd}, {index}, {token_fds!r})\n"
            )
            interpreter.close()
        except Exception as error:  # noqa: BLE001 - the parent reports it
            self._fates[index] = f"ended with {str(error).partition(chr(10))[0]}"
        finally:
            os.close(answers_fd)
            os.close(commands_fd)

    def ask(self, commands: Sequence[tuple[Any, ...]], what: str) -> list[tuple[Any, int]]:
        """Like ``Pool.ask``; UnavailableError if an extension module refuses to be loaded in a sub-interpreter."""
        try:
            return super().ask(commands, what)
        except WorkerRaisedError as error:
            refused = _REFUSED.search(error.detail)
            if refused is None:
                raise
            raise UnavailableError(**_refusal(refused[1].partition(".")[0])) from error

    def write(self, index: int, message: Any) -> None:
        write_message(self._commands[index], message)

    def read(self, pipe: Any) -> Any:
        return read_message(pipe)

    def hand_over(self, index: int, segment: Segment) -> None:
        self.write(index, segment.fd if HAS_MEMFD else segment.name)

    def fate(self, index: int) -> str:
        self._threads[index].join(timeout=2)
        return self._fates.get(index, "closed its pipe")

    def close(self) -> None:
        for commands in self._commands:
            os.close(commands)  # the end of its commands ends a worker
        for thread in self._threads:
            thread.join(timeout=5)
        for fd in (*self.pipes, *self._token_fds):
            os.close(fd)
        self._commands, self.pipes, self._token_fds, self._threads = [], [], [], []


open_pool = InterpreterPool
