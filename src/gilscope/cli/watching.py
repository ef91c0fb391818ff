"""Watching a process from outside for ``gilscope gil``: for a time, until it ends, or until ctrl-C or q."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from gilscope.cli.gil_output import Files, write_report
from gilscope.cli.live import Screen, refuse_without_terminal
from gilscope.cli.output import can_draw
from gilscope.core.errors import GilscopeError, MeasurementError, UsageError

if TYPE_CHECKING:
    from gilscope.analysis.program import ProgramReport
    from gilscope.telemetry.watch import Watched

End: TypeAlias = Literal["time", "ended", "key", "ctrl-c"]

_INTERRUPTED = 130  # 128 + SIGINT, what shells report
_STARTING_S = 10.0  # seconds until a program that was just started can be read
_STEP_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a process is watched and where the report goes."""

    rate_hz: float | None
    children: bool
    live: bool
    files: Files
    json: bool


class _Session:
    """A process that is being watched, its children where wanted, and the report of both so far."""

    def __init__(self, watched: Watched, request: Request) -> None:
        from gilscope.report.gil.sources import Sources
        from gilscope.telemetry.watch import Children

        self.watched, self.note = watched, ""
        self._children = Children(watched.pid, request.rate_hz) if request.children else None
        self.sources = Sources(Path(watched.folder))

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.watched.stop()
        if self._children is not None:
            self._children.stop()

    def follow(self, seconds: float | None, screen: Screen | None, meanwhile: Callable[[], None] | None = None) -> End:
        """Watch for so many seconds, or without end, and return what ended it; ``meanwhile`` is called now and then."""
        from gilscope.telemetry.watch import LOOK_S

        until_s = None if seconds is None else time.monotonic() + seconds
        try:
            while self.watched.look():
                if self._children is not None:
                    self._children.look()
                step_s = LOOK_S if until_s is None else min(LOOK_S, until_s - time.monotonic())
                if step_s <= 0:
                    return "time"
                if meanwhile is not None:
                    meanwhile()
                if screen is None:
                    time.sleep(step_s)
                elif self._shown(screen, step_s):
                    return "key"
        except KeyboardInterrupt:
            return "ctrl-c"
        return "ended"

    def _shown(self, screen: Screen, step_s: float) -> bool:
        from gilscope.report.gil.live import live_text

        unicode = can_draw("█", sys.stderr)
        screen.show(live_text(self.report(), height=screen.height, unicode=unicode, sources=self.sources))
        return screen.wait(step_s)

    def report(self) -> ProgramReport:
        """What is known so far."""
        from gilscope import __version__
        from gilscope.report.gil import watched_report

        return watched_report(
            self.watched.run,
            # The monitor refuses other minor versions; the last digit is that of the other process.
            interpreter=f"{platform.python_implementation()} {sys.version_info.major}.{sys.version_info.minor}",
            tool_version=__version__,
            children=self._children.runs if self._children is not None else (),
            note=self.note,
        )


def watch_process(pid: int, request: Request, duration_s: float | None) -> int:
    """Watch a running process and report on stdout; return the exit status.

    Raises UsageError or UnavailableError where it cannot be watched.
    """
    from gilscope.telemetry.watch import Watched

    if request.live:
        refuse_without_terminal(sys.stdout)
    with _Session(Watched(pid, request.rate_hz), request) as session, ExitStack() as stack:
        screen = stack.enter_context(Screen(sys.stdout)) if request.live else None
        end = session.follow(duration_s, screen)
    if end == "ended":
        session.note = "the process ended meanwhile"
    # On stdout - is what --json alone does.
    files, json = (
        (replace(request.files, out=None), True) if request.files.out == "-" else (request.files, request.json)
    )
    write_report(session.report(), files, sys.stdout, json=json, sources=session.sources)
    return _INTERRUPTED if end == "ctrl-c" else 0


def watch_program(target: str, arguments: Sequence[str], request: Request, *, module: bool) -> int:
    """Run a program in a process of its own, show it live, and report on stderr when it ended; return its status.

    Drawing would hold the GIL that is measured, so nothing of it happens in the program's process. What it writes to
    the terminal waits until the screen is free. Raises UsageError or UnavailableError where it cannot be watched.
    """
    refuse_without_terminal(sys.stderr)
    if not module and not os.access(target, os.R_OK):
        raise UsageError(f"script {target!r} cannot be read: name a script, or a module after -m")
    command = [sys.executable, *(["-m"] if module else []), target, *arguments]
    with ExitStack() as stack:
        kept = _Kept()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=kept.stdout, stderr=kept.stderr)
        stack.callback(_end, process)
        session = stack.enter_context(_Session(_begun(process, request.rate_hz), request))
        with Screen(sys.stderr) as screen:
            end = session.follow(None, screen)
        if end == "key":
            end = session.follow(None, None, kept.pass_on)
        status = process.wait()  # ctrl-C reached it as well
        kept.pass_on()
    status = 128 - status if status < 0 else status
    name = f"-m {target}" if module else target
    report = replace(session.report(), target=name, arguments=tuple(arguments), exit_status=status, pid=None)
    write_report(report, request.files, sys.stderr, json=request.json, sources=session.sources, before="\n")
    return status


def _begun(process: subprocess.Popen[bytes], rate_hz: float | None) -> Watched:
    """Watch a process as soon as its interpreter can be read."""
    from gilscope.telemetry.watch import Watched

    until_s = time.monotonic() + _STARTING_S
    while True:
        try:
            return Watched(process.pid, rate_hz)
        except GilscopeError:
            if process.poll() is not None:
                raise MeasurementError("the program ended before it could be watched: run it without --live") from None
            if time.monotonic() > until_s:
                raise
        time.sleep(_STEP_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that nobody watches any more."""
    if process.poll() is None:
        process.kill()
        process.wait()


class _Kept:
    """What a program writes to the terminal, kept until ``pass_on``; what goes elsewhere goes there at once."""

    def __init__(self) -> None:
        self.stdout, self.stderr = (
            tempfile.TemporaryFile() if stream.isatty() else None  # noqa: SIM115 (for as long as the program runs)
            for stream in (sys.stdout, sys.stderr)
        )
        self._read = {"stdout": 0, "stderr": 0}

    def pass_on(self) -> None:
        """Write to the terminal what came since the last time."""
        for name, file in (("stdout", self.stdout), ("stderr", self.stderr)):
            while file is not None and (found := os.pread(file.fileno(), 1 << 20, self._read[name])):
                self._read[name] += len(found)
                stream = getattr(sys, name)
                stream.buffer.write(found)
                stream.flush()
