"""Sub-interpreters of one process, each with a GIL of its own (PEP 684) and a thread that runs it (PEP 734)."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import threading
from collections.abc import Sequence
from multiprocessing import connection
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError, WorkerDiedError, WorkerRaisedError
from gilscope.core.pep734 import BACKPORT, api
from gilscope.core.spec import Availability, Impl
from gilscope.executors._interpreter_worker import read_message, write_message
from gilscope.executors._pool import Pool
from gilscope.executors._shm import HAS_MEMFD, Segment

__all__ = ["InterpreterPool", "availability", "open_pool"]

_CANNOT_BE_IMPORTED = ("numpy", "numba")  # single-phase initialisation, or state that interpreters would share
_REFUSED = re.compile(r"module (\S+) does not support loading in subinterpreters")  # CPython's import.c, since 3.12


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Sub-interpreters run what they can import: pure Python, the standard library, our Cython modules."""
    for package in _CANNOT_BE_IMPORTED:
        if package in impl.needs:
            return Availability(ok=False, **_refusal(package))
    if sys.version_info >= (3, 14):
        return Availability(ok=True)
    if sys.version_info < (3, 13):
        return Availability(
            ok=False,
            reason=f"Python {sys.version_info.major}.{sys.version_info.minor} has no sub-interpreters for programs",
            cure="use Python 3.14, or 3.13 with: pip install 'gilscope[interpreters]'",
        )
    if importlib.util.find_spec(BACKPORT) is None:
        return Availability(
            ok=False,
            reason="Python 3.13 has sub-interpreters only with the package interpreters-pep-734",
            cure="Install it with: pip install 'gilscope[interpreters]'",
        )
    return Availability(ok=True)


def _refusal(package: str) -> dict[str, str]:
    """Return reason and cure of what needs a package that sub-interpreters cannot import."""
    return {
        "reason": f"{package} cannot be imported in a sub-interpreter with a GIL of its own",
        "cure": "use --executors threads or processes",
    }


class InterpreterPool(Pool):
    """Sub-interpreters that live until ``close``; idle ones block on their pipe, without a GIL of anybody's."""

    def __init__(self, max_workers: int, cpus: int) -> None:
        super().__init__(max_workers, cpus)
        token_fds: list[tuple[int, int]] | None = (
            [os.pipe() for _ in range(max_workers + 1)] if self.barriers is None else None
        )
        self._fds = [fd for pair in token_fds or () for fd in pair]
        self._known: list[set[str]] = [set() for _ in range(max_workers)]
        self._commands: list[int] = []
        self._answers: list[int] = []
        self._fates: dict[int, str] = {}
        self._threads = []
        opened = clocks.wall_ns()
        for index in range(max_workers):
            their_commands, commands = os.pipe()
            answers, their_answers = os.pipe()
            self._commands.append(commands)
            self._answers.append(answers)
            thread = threading.Thread(
                target=self._live,
                args=(index, their_commands, their_answers, token_fds),
                name=f"interpreter-{index}",
                daemon=True,
            )
            thread.start()
            self._threads.append(thread)
        self.ready_ns = [received - opened for _, received in self.collect(max_workers)]

    def _live(self, index: int, commands_fd: int, answers_fd: int, token_fds: Any) -> None:
        """Run a worker in an interpreter of its own; whatever ends it closes its pipes, which the parent sees."""
        try:
            interpreter = api().create()
            interpreter.exec(
                f"import sys\nsys.path[:] = {sys.path!r}\n"
                "from gilscope.executors._interpreter_worker import main\n"
                f"main({commands_fd}, {answers_fd}, {index}, {token_fds!r})\n"
            )
            interpreter.close()
        except Exception as error:  # noqa: BLE001 - what ended it travels to the parent as a text
            self._fates[index] = f"ended with {str(error).partition(chr(10))[0]}"
        finally:
            os.close(answers_fd)
            os.close(commands_fd)

    def send(self, index: int, command: tuple[Any, ...]) -> None:
        try:
            write_message(self._commands[index], command)
        except OSError:
            raise WorkerDiedError(f"worker {index} {self._fate(index)}") from None

    def ask(self, commands: Sequence[tuple[Any, ...]], what: str) -> list[tuple[Any, int]]:
        """Like ``Pool.ask``; what a case imports may be found to be nothing for sub-interpreters.

        Raises
        ------
        UnavailableError
            If an extension module refuses to be loaded in one.
        """
        try:
            return super().ask(commands, what)
        except WorkerRaisedError as error:
            refused = _REFUSED.search(error.detail)
            if refused is None:
                raise
            raise UnavailableError(**_refusal(refused[1].partition(".")[0])) from error

    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        if key in self._known[index]:
            return
        self.send(index, ("segment", key, segment.nbytes))
        write_message(self._commands[index], segment.fd if HAS_MEMFD else segment.name)
        self._known[index].add(key)

    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        waiting = {self._answers[index]: index for index in range(workers)}
        answers: dict[int, tuple[tuple[Any, ...], int]] = {}
        while waiting:
            for ready in connection.wait(list(waiting)):
                assert isinstance(ready, int)
                index = waiting.pop(ready)
                try:
                    answers[index] = (read_message(ready), clocks.wall_ns())
                except EOFError:
                    # The others may wait for it at a barrier for ever: whoever catches this closes the pool.
                    raise WorkerDiedError(f"worker {index} {self._fate(index)}") from None
        return [answers[index] for index in range(workers)]

    def _fate(self, index: int) -> str:
        self._threads[index].join(timeout=2)
        return self._fates.get(index, "closed its pipe")

    def close(self) -> None:
        for commands in self._commands:
            os.close(commands)  # the end of its commands ends a worker
        for thread in self._threads:
            thread.join(timeout=5)
        for fd in (*self._answers, *self._fds):
            os.close(fd)
        self._commands, self._answers, self._fds, self._threads = [], [], [], []


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> InterpreterPool:
    """Start ``max_workers`` sub-interpreters."""
    return InterpreterPool(max_workers, cpus)
