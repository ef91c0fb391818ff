"""The parent side of the supervisor: starts it, exchanges messages with it, and ends it with all it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gilscope.core.errors import MeasurementError, NoRoomError, RoundTimeoutError, UsageError, WorkerDiedError
from gilscope.runner.wire import frame, receive_message

_SUPERVISOR = "from gilscope.supervisor.supervisor import main; main()"
_LONGEST_TEMPORARY = 50  # a socket's path has 104 to 108 bytes (man 7 unix); multiprocessing adds about 45
_MOST_PROCESSES, _MOST_PER_CPU = 1000, 16  # each start method, loky and dask keep workers


def most_processes(widest: int, interpreters: int = 0) -> int:
    """Return how many processes any executor may need; a case with more is a fork bomb.

    ``widest`` is the largest number of workers or CPUs, ``interpreters`` how many are compared.
    """
    return _MOST_PROCESSES + _MOST_PER_CPU * widest * max(1, interpreters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a runner that is not running yet."""

    config: Mapping[str, Any]  # JSON-able; "module" names the one whose main it executes
    environment: Mapping[str, str | None] = field(default_factory=dict)  # variables to set; None removes one
    python: str = ""  # program of another interpreter; empty: the running one
    rests: bool = False  # stopped between messages: threads of its libraries would spin beside what is measured next


class SupervisorClient:
    """A supervisor process, which starts runners, passes messages to them and ends them.

    With more than ``most_processes`` altogether, a case is a fork bomb. Raises UsageError on platforms without Unix
    sockets between processes, and MeasurementError if there is no room for temporary files.
    """

    def __init__(self, most_processes: int) -> None:
        if os.name != "posix":
            raise UsageError("gilscope measures on Linux and macOS; on Windows run it inside WSL")
        folder, self.scratch = _short_temporary_folder(), ""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SUPERVISOR, folder, str(most_processes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            begun = self._receive()
            if "error" in begun:
                fix = "make room there, or set TMPDIR to another folder"
                raise MeasurementError(f"no temporary folder can be made in {folder}: {begun['error']}; {fix}")
            # Both ends remove it, in case the other one is killed.
            self.scratch = begun["scratch"]
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the supervisor; the runners are its children."""
        return self._process.pid

    def close(self) -> None:
        """End the supervisor and everything it started. Idempotent."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._process.wait(timeout=30)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def call(
        self,
        runner: str,
        message: Mapping[str, Any],
        launch: Launch,
        timeout_s: float,
        *,
        segments: Sequence[tuple[str, int]] = (),
        label: str = "its process",
    ) -> dict[str, Any]:
        """Send a message to a runner, which is started if necessary, and return its reply.

        ``segments`` are (key, bytes) of shared memory that the message may name as ``segment``; ``label`` is the
        runner's name in errors. Raises NoRoomError if there is no memory to share (the runner goes on),
        RoundTimeoutError or WorkerDiedError if the runner is gone with everything it started; its last output is the
        detail.
        """
        request = {"op": "call", "runner": runner, "message": message, "segments": segments, "timeout_s": timeout_s}
        answer = self._exchange(request | asdict(launch))
        if answer["status"] == "ok":
            reply: dict[str, Any] = answer["reply"]
            return reply
        kinds = {"timeout": RoundTimeoutError, "no_room": NoRoomError}
        raise kinds.get(answer["status"], WorkerDiedError)(f"{label} {answer['reason']}", answer["output"])

    def stop(self, runner: str) -> None:
        """End a runner and everything it has started."""
        self._exchange({"op": "stop", "runner": runner})

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # noticed when no answer comes
            self._process.stdin.write(frame(message))
            self._process.stdin.flush()
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            return receive_message(self._process.stdout.read)
        except (EOFError, OSError):
            raise MeasurementError(
                f"the supervisor process ended unexpectedly (exit status {self._process.poll()}); run again to continue"
            ) from None


def _short_temporary_folder() -> str:
    """Return where temporary files go; ``/tmp`` where the path of a forkserver's socket would be too long."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(usual) > _LONGEST_TEMPORARY and os.access("/tmp", os.W_OK) else usual
