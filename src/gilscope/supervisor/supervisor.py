"""The process between the CLI and foreign C code. Standard library only, single-threaded.

It runs in its own session (a terminal's Ctrl-C does not reach it), starts runners in their own process groups, passes
messages, enforces time-outs, drains what runners print, and kills everything when the CLI's pipe closes.

Messages from the CLI: ``{"op": "call", "runner", "python", "config", "environment", "rests", "message", "segments",
"timeout_s"}`` and ``{"op": "stop", "runner"}``; ``python`` is the program of another interpreter or empty, null in
``environment`` removes a variable, and a runner that ``rests`` is stopped (SIGSTOP) from its answer to the next call.
Each is answered by one message with a ``status``: ``ok`` (with the runner's ``reply``), ``died`` or ``timeout`` (with
``reason`` and the last ``output``), or ``no_room``: the runner goes on.
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

from gilscope.core.errors import NoRoomError
from gilscope.executors._process_worker import die_with_parent
from gilscope.executors._shm import HAS_MEMFD, Segment
from gilscope.executors.processes import describe_exit
from gilscope.runner.wire import frame, receive_message, receive_with_fds, send_with_fds
from gilscope.supervisor.process_tree import descendants, kill_group, kill_orphans

_KEEP_OUTPUT_BYTES = 8192  # enough for a traceback
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SCAN_EVERY_S = 0.2  # for fork bombs: two CPUs fork some thousand times meanwhile, and a scan costs 20 us


class _CliGoneError(Exception):
    """The CLI closed its pipe: clean up and end."""


class _ForkBombError(Exception):
    """There are more processes than any case needs."""


class _RunnerProcess:
    """One runner process with its socket and the tail of its output."""

    def __init__(
        self, python: str, config: dict[str, Any], environment: dict[str, str | None], *, rests: bool = False
    ) -> None:
        self._rests = rests
        self.socket, theirs = socket.socketpair()
        self.output_fd, write_fd = os.pipe()
        self.output = b""
        self.segments: set[str] = set()
        variables = {**os.environ, **environment, "GILSCOPE_RUNNER": "1"}
        code = f"from {config['module']} import main; main()"
        options = ["-P", "-X", "faulthandler", "-c", code]
        try:
            self.process = subprocess.Popen(
                [python, *options, str(theirs.fileno()), json.dumps(config)],
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
            os.close(self.output_fd)
            raise
        finally:
            theirs.close()
            os.close(write_fd)
        os.set_blocking(self.output_fd, False)

    def drain(self) -> bool:
        """Take what the runner printed; False at the end of its output."""
        try:
            data = os.read(self.output_fd, 65536)
        except BlockingIOError:
            return True
        self.output = (self.output + data)[-_KEEP_OUTPUT_BYTES:]
        return bool(data)

    def turn(self, *, on: bool) -> None:
        """Let a runner that rests between messages go on, or stop it with all its threads.

        It is killed with this process only on Linux: elsewhere kill -9 of the supervisor leaves it stopped.
        """
        if self._rests:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT if on else signal.SIGSTOP)

    def kill(self) -> None:
        """Kill the runner with its whole process group, reap it, close its socket and pipe."""
        kill_group(self.process.pid)
        self.process.wait()
        self.socket.close()
        os.close(self.output_fd)


class Supervisor:
    """Serves the CLI; ``scratch`` is the runners' folder for temporary files."""

    def __init__(self, scratch: str, most_processes: int) -> None:
        self._runners: dict[str, _RunnerProcess] = {}
        self._segments: dict[str, Segment] = {}
        self._identities: dict[str, str] = {}
        self._filled: set[str] = set()
        self._made = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ, None)
        self._scratch, self._most_processes = scratch, most_processes
        self._threads = _threads_of_the_machine()  # when they were last counted with care

    def serve(self) -> None:
        """Send the CLI the folder for temporary files, and answer it until it is gone."""
        self._answer({"scratch": self._scratch})
        while True:
            self._pump(None, None)
            message = receive_message(lambda count: os.read(0, count))
            if message["op"] == "stop":
                self._stop(message["runner"])
                self._answer({"status": "ok", "reply": None})
            else:
                self._answer(self._call(message))

    def shut_down(self) -> None:
        """Kill all runners and what they left, free all memory and files; each step even if another fails."""
        with contextlib.ExitStack() as steps:  # the last one first
            steps.callback(shutil.rmtree, self._scratch, ignore_errors=True)
            for segment in self._segments.values():
                steps.callback(segment.close)
            steps.callback(kill_orphans, [])
            for name in list(self._runners):
                steps.callback(self._stop, name)

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
                variables = {**message["environment"], "TMPDIR": self._scratch}
                runner = _RunnerProcess(python, message["config"], variables, rests=message["rests"])
            except OSError as error:  # another interpreter may be removed while it is measured
                return {"status": "died", "reason": f"cannot be started: {python}: {error.strerror}", "output": ""}
            self._runners[name] = runner
            for readable in (runner.output_fd, runner.socket):
                self._selector.register(readable, selectors.EVENT_READ, runner)
        try:
            runner.turn(on=True)
            self._send(runner, message)
            if not self._pump(runner, time.monotonic() + message["timeout_s"]):
                return self._replace(
                    name, "timeout", f"did not answer within {message['timeout_s']:g} s and was killed"
                )
            reply, _ = receive_with_fds(runner.socket)
            runner.turn(on=False)
            if reply["status"] == "ok" and "segment" in message["message"]:
                self._filled.add(message["message"]["segment"])
            return {"status": "ok", "reply": reply}
        except _ForkBombError:
            return self._replace(name, "died", f"had more than {self._most_processes} processes and was killed")
        except NoRoomError as error:
            runner.turn(on=False)
            return {"status": "no_room", "reason": str(error), "output": ""}
        except (EOFError, OSError):
            return self._replace(name, "died", "")

    def _send(self, runner: _RunnerProcess, message: dict[str, Any]) -> None:
        """Pass a message on, with the segments this runner does not have yet; NoRoomError if they cannot be made."""
        segments, fds = [], []
        wanted = message["message"].get("segment")  # only where a case is made ready: rounds use what they have
        for key, nbytes in message["segments"]:
            if key != wanted or key in runner.segments:
                continue
            if key not in self._segments:
                self._segments[key] = _new_segment(nbytes)
                self._made += 1
                # Another name than its predecessor's: workers that know that one must not confuse them.
                self._identities[key] = f"{key}.{self._made}"
            segment = self._segments[key]
            # The first runner to get it fills it with the inputs; it counts as filled only once that has answered.
            fresh, identity = key not in self._filled, self._identities[key]
            segments.append({"key": key, "id": identity, "nbytes": nbytes, "name": segment.name, "fresh": fresh})
            fds += [segment.fd] if HAS_MEMFD else []
            runner.segments.add(key)
        send_with_fds(runner.socket, {**message["message"], "segments": segments}, fds)

    def _pump(self, runner: _RunnerProcess | None, deadline: float | None) -> bool:
        """Drain outputs until ``runner`` answers (True) or ``deadline`` passes (False).

        With ``runner`` None, until the CLI sends something. Raises _CliGoneError if the CLI's pipe closes while a
        runner is waited for, and _ForkBombError.
        """
        scan = time.monotonic() + _SCAN_EVERY_S
        while True:
            now = time.monotonic()
            if deadline is not None and deadline <= now:
                return False
            if deadline is not None and scan <= now:
                scan = now + _SCAN_EVERY_S
                self._check_for_fork_bomb()
            for key, _ in self._selector.select(None if deadline is None else min(deadline, scan) - now):
                if key.fd == 0:
                    if runner is None:
                        return True
                    raise _CliGoneError  # the CLI sends nothing while it waits: this is the end of its pipe
                if key.data is not None and key.fd == key.data.output_fd:
                    if not key.data.drain():
                        self._selector.unregister(key.fd)
                elif key.data is runner:
                    return True
                else:  # an idle runner has closed its socket: noticed when it is called next
                    self._selector.unregister(key.fileobj)

    def _check_for_fork_bomb(self) -> None:
        """Count our processes, once there are so many more on the machine that they may be ours."""
        threads = _threads_of_the_machine()
        self._threads = min(self._threads, threads)
        if threads - self._threads >= self._most_processes / 2:
            self._threads = threads
            if len(descendants()) > self._most_processes:
                raise _ForkBombError

    def _replace(self, name: str, status: str, reason: str) -> dict[str, Any]:
        runner = self._runners[name]
        if status == "died":
            with contextlib.suppress(subprocess.TimeoutExpired):
                runner.process.wait(timeout=2)
        exit_status = runner.process.poll()
        runner.drain()
        output = runner.output.decode(errors="replace")
        self._stop(name)
        kill_orphans([other.process.pid for other in self._runners.values()])
        for key in runner.segments:  # what a crashed process wrote into shared memory is not to be trusted
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


def _new_segment(nbytes: int) -> Segment:
    try:
        return Segment(nbytes)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "too many"
        raise NoRoomError(f"cannot be given {nbytes:,} bytes of shared memory: {why}") from None


def _threads_of_the_machine() -> int:
    """Number of threads on the machine, which costs one read; 0 where the system does not say."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return int(file.read().split()[3].partition(b"/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def main() -> None:
    """Run the supervisor on standard input and output.

    Arguments: where to make the folder for temporary files, and ``most_processes`` of ``Supervisor``. The first message
    to the CLI has the folder as ``scratch``, or as ``error`` why it cannot be made.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # SIG_IGN would be inherited by the runners and whatever they start
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:  # made here, because this process outlives a CLI that is killed
        scratch = tempfile.mkdtemp(prefix="gilscope-", dir=sys.argv[1])
    except OSError as error:
        with contextlib.suppress(OSError):  # the CLI may be gone
            os.write(1, frame({"error": error.strerror or str(error)}))
        return
    supervisor = Supervisor(scratch, int(sys.argv[2]))
    try:
        supervisor.serve()
    except (_CliGoneError, EOFError, OSError):
        pass
    finally:
        supervisor.shut_down()
