"""The process that stands between the CLI and strangers' C code. Standard library only, single-threaded.

It lives in a session of its own (a terminal's Ctrl-C does not reach it), starts runners in process groups of their
own, passes messages, enforces time-outs, drains what runners print, and kills everything when the CLI's pipe closes,
for whatever reason.

Messages from the CLI: ``{"op": "call", "runner", "python", "config", "environment", "message", "segments",
"timeout_s"}`` and ``{"op": "stop", "runner"}``; ``python`` is the program of another interpreter or empty, and null in
``environment`` takes a variable away. Each is answered by one message with a ``status``: ``ok`` (with the runner's
``reply``), ``died`` or ``timeout`` (with ``reason`` and the last ``output``), or ``no_room``: the runner goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

from gilscope.executors._process_worker import die_with_parent
from gilscope.executors._shm import HAS_MEMFD, Segment
from gilscope.executors.processes import describe_exit
from gilscope.runner.wire import frame, receive_message, receive_with_fds, send_with_fds
from gilscope.supervisor.process_tree import descendants, kill_group, kill_orphans

__all__ = ["main"]

_KEEP_OUTPUT_BYTES = 8192  # of what a runner printed: enough for a traceback
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_LOOK_EVERY_S = 0.2  # for fork bombs: two CPUs fork some thousand times meanwhile, and a look costs 20 us
_RUNNER = "from {module} import main; main()"


class _CliGoneError(Exception):
    """The CLI closed its pipe: clean up and end."""


class _NoRoomError(Exception):
    """The system has no memory to share."""


class _TooManyError(Exception):
    """There are more processes than any case needs: a fork bomb."""


class _Runner:
    """One runner process with its socket and the tail of its output."""

    def __init__(self, python: str, config: dict[str, Any], environment: dict[str, str | None]) -> None:
        self.socket, theirs = socket.socketpair()
        self._output_fd, write_fd = os.pipe()
        self.output = b""
        self.segments: set[str] = set()
        variables = {**os.environ, **environment, "GILSCOPE_RUNNER": "1"}
        arguments = [
            python,
            "-P",
            "-X",
            "faulthandler",
            "-c",
            _RUNNER.format(module=config["module"]),
            str(theirs.fileno()),
            json.dumps(config),
        ]
        try:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=write_fd,
                stderr=write_fd,
                env={name: value for name, value in variables.items() if value is not None},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        except OSError:
            self.socket.close()
            os.close(self._output_fd)
            raise
        finally:
            theirs.close()
            os.close(write_fd)
        os.set_blocking(self._output_fd, False)

    @property
    def output_fd(self) -> int:
        return self._output_fd

    def drain(self) -> bool:
        """Take what the runner printed; False at the end of its output."""
        try:
            data = os.read(self._output_fd, 65536)
        except BlockingIOError:
            return True
        self.output = (self.output + data)[-_KEEP_OUTPUT_BYTES:]
        return bool(data)

    def tail(self) -> str:
        """Return what was printed last, as text."""
        self.drain()
        return self.output.decode(errors="replace")

    def kill(self) -> None:
        """Kill the runner with its whole process group and reap it."""
        kill_group(self.process.pid)
        self.process.wait()
        self.socket.close()

    def close(self) -> None:
        """Close the output pipe."""
        os.close(self._output_fd)


class Supervisor:
    """See the module's text.

    Parameters
    ----------
    scratch : str
        The runners' folder for temporary files.
    most_processes : int
        How many there may be altogether before the runner that is waited for is killed.
    """

    def __init__(self, scratch: str, most_processes: int) -> None:
        self._runners: dict[str, _Runner] = {}
        self._segments: dict[str, Segment] = {}
        self._identities: dict[str, str] = {}
        self._filled: set[str] = set()
        self._made = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ, None)
        self._scratch, self._most_processes = scratch, most_processes
        self._threads = _threads_of_the_machine()  # when they were last counted with care

    def serve(self) -> None:
        """Tell the CLI the folder for temporary files, and answer it until it goes."""
        self._answer({"scratch": self._scratch})
        while True:
            self._pump(None, None)
            message = self._receive()
            if message["op"] == "stop":
                self._stop(message["runner"])
                self._answer({"status": "ok", "reply": None})
            else:
                self._answer(self._call(message))

    def shut_down(self) -> None:
        """Kill every runner and whatever they left, give back all memory and files; each also if another fails."""
        with contextlib.ExitStack() as steps:  # the last one first
            steps.callback(shutil.rmtree, self._scratch, ignore_errors=True)
            for segment in self._segments.values():
                steps.callback(segment.close)
            steps.callback(kill_orphans, [])
            for name in list(self._runners):
                steps.callback(self._stop, name)

    def _receive(self) -> dict[str, Any]:
        try:
            return receive_message(lambda count: os.read(0, count))
        except EOFError:
            raise _CliGoneError from None

    def _answer(self, message: dict[str, Any]) -> None:
        data = memoryview(frame(message))
        while data:
            data = data[os.write(1, data) :]

    def _call(self, message: dict[str, Any]) -> dict[str, Any]:
        name = message["runner"]
        runner = self._runners.get(name)
        if runner is None:
            python = message["python"] or sys.executable
            try:
                runner = _Runner(python, message["config"], {**message["environment"], "TMPDIR": self._scratch})
            except OSError as error:  # another interpreter may go while it is measured
                return {"status": "died", "reason": f"cannot be started: {python}: {error.strerror}", "output": ""}
            self._runners[name] = runner
            self._selector.register(runner.output_fd, selectors.EVENT_READ, runner)
            self._selector.register(runner.socket, selectors.EVENT_READ, runner)
        try:
            self._send(runner, message)
            answered = self._pump(runner, time.monotonic() + message["timeout_s"])
            if answered:
                reply, _ = receive_with_fds(runner.socket)
                if reply["status"] == "ok" and "segment" in message["message"]:
                    self._filled.add(message["message"]["segment"])
                return {"status": "ok", "reply": reply}
            return self._replace(name, "timeout", f"did not answer within {message['timeout_s']:g} s and was killed")
        except _TooManyError:
            return self._replace(name, "died", f"had more than {self._most_processes} processes and was killed")
        except _NoRoomError as error:
            return {"status": "no_room", "reason": str(error), "output": ""}
        except (EOFError, OSError):
            return self._replace(name, "died", "")

    def _send(self, runner: _Runner, message: dict[str, Any]) -> None:
        """Pass a message on, with the segments this runner has not seen yet.

        Raises
        ------
        _NoRoomError
        """
        segments, fds = [], []
        wanted = message["message"].get("segment")  # only where a case is made ready: rounds use what they have
        for key, nbytes in message["segments"]:
            if key != wanted or key in runner.segments:
                continue
            if key not in self._segments:
                self._segments[key] = _new_segment(nbytes)
                self._made += 1
                # Another name than the one before: workers that know that one must not take it for this.
                self._identities[key] = f"{key}.{self._made}"
            segment = self._segments[key]
            # Whoever gets it first fills it with the inputs; it counts as filled only once that has answered.
            fresh, identity = key not in self._filled, self._identities[key]
            segments.append({"key": key, "id": identity, "nbytes": nbytes, "name": segment.name, "fresh": fresh})
            fds += [segment.fd] if HAS_MEMFD else []
            runner.segments.add(key)
        send_with_fds(runner.socket, {**message["message"], "segments": segments}, fds)

    def _pump(self, runner: _Runner | None, deadline: float | None) -> bool:
        """Drain outputs until ``runner`` answers (True) or ``deadline`` passes (False).

        With ``runner`` None, until the CLI sends something.

        Raises
        ------
        _CliGoneError
            If the CLI's pipe closed while a runner was waited for.
        _TooManyError
        """
        look = time.monotonic() + _LOOK_EVERY_S
        while True:
            now = time.monotonic()
            if deadline is not None and deadline <= now:
                return False
            if deadline is not None and look <= now:
                look = now + _LOOK_EVERY_S
                self._look_for_a_bomb()
            for key, _ in self._selector.select(None if deadline is None else min(deadline, look) - now):
                if key.fd == 0:
                    if runner is None:
                        return True
                    # The CLI never speaks while it waits: this is the end of its pipe.
                    raise _CliGoneError
                if key.data is not None and key.fd == key.data.output_fd:
                    if not key.data.drain():
                        self._selector.unregister(key.fd)
                elif key.data is runner:
                    return True
                else:  # a runner nobody waits for has closed its socket: found out when it is called next
                    self._selector.unregister(key.fileobj)

    def _look_for_a_bomb(self) -> None:
        """Count our processes, once there are so many more on the machine that they may be ours.

        Raises
        ------
        _TooManyError
        """
        threads = _threads_of_the_machine()
        self._threads = min(self._threads, threads)
        if threads - self._threads >= self._most_processes / 2:
            self._threads = threads
            if len(descendants()) > self._most_processes:
                raise _TooManyError

    def _replace(self, name: str, status: str, reason: str) -> dict[str, Any]:
        runner = self._runners[name]
        if status == "died":
            with contextlib.suppress(subprocess.TimeoutExpired):
                runner.process.wait(timeout=2)
        exit_status = runner.process.poll()
        output = runner.tail()
        keys = list(runner.segments)
        self._stop(name)
        kill_orphans([other.process.pid for other in self._runners.values()])
        for key in keys:  # what a crashed process wrote into shared memory is not to be trusted
            self._filled.discard(key)
            if (segment := self._segments.pop(key, None)) is not None:
                segment.close()
            for other in self._runners.values():
                other.segments.discard(key)
        return {"status": status, "reason": reason or describe_exit(exit_status), "output": output}

    def _stop(self, name: str) -> None:
        runner = self._runners.pop(name, None)
        if runner is None:
            return
        for fileobj in (runner.output_fd, runner.socket):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(fileobj)
        runner.kill()
        runner.close()


def _new_segment(nbytes: int) -> Segment:
    try:
        return Segment(nbytes)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "too many"
        raise _NoRoomError(f"cannot be given {nbytes:,} bytes of shared memory: {why}") from None


def _threads_of_the_machine() -> int:
    """Number of threads there are, which costs one read; 0 where the system does not tell so."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return int(file.read().split()[3].partition(b"/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def _heed_not(number: int, frame: object) -> None:
    """Do nothing about a signal: what counts is the CLI's pipe."""


def main() -> None:
    """Run the supervisor on standard input and output.

    Arguments: where to make the folder for temporary files, and ``most_processes`` of ``Supervisor``. The first message
    to the CLI tells the folder as ``scratch``, or as ``error`` why it cannot be made.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _heed_not)  # SIG_IGN would be inherited by the runners and whatever they start
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:  # made here, for a CLI that is killed at any moment is outlived
        scratch = tempfile.mkdtemp(prefix="gilscope-", dir=sys.argv[1])
    except OSError as error:
        with contextlib.suppress(OSError):  # nobody is left to hear it
            os.write(1, frame({"error": error.strerror or str(error)}))
        return
    supervisor = Supervisor(scratch, int(sys.argv[2]))
    try:
        supervisor.serve()
    except (_CliGoneError, OSError):
        pass
    finally:
        supervisor.shut_down()
