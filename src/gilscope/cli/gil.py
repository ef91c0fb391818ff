"""``gilscope gil``: how a whole program, or a running process, uses the GIL."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from gilscope.cli.gil_output import Files, say, write_report
from gilscope.core.errors import UsageError
from gilscope.core.units import parse_duration_s

if TYPE_CHECKING:
    from gilscope.analysis.program import ProgramReport
    from gilscope.telemetry.program import ProgramRun

CONTEXT = {"allow_interspersed_args": False}  # what follows the script belongs to it, options too

_WATCHED_S = 10.0  # how long --pid watches unless told otherwise; with --live until q


def gil(
    target: Annotated[
        str | None,
        Argument(
            metavar="SCRIPT|-m MODULE", help="As after python: script, folder, zip or module.", show_default=False
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="ARG", help="Everything after it belongs to the program.", show_default=False),
    ] = None,
    module: Annotated[bool, Option("-m", help="What follows is a module, as for python -m.")] = False,
    pid: Annotated[
        str | None, Option(metavar="PID", help="Watch a process that runs already, without stopping or changing it.")
    ] = None,
    duration: Annotated[
        str | None, Option(metavar="10s", help="With --pid: how long to watch (default: 10s; with --live until q).")
    ] = None,
    children: Annotated[
        bool, Option("--children", help="Watch child processes too; each has a GIL of its own.")
    ] = False,
    live: Annotated[bool, Option("--live", help="Show the figures full-screen while it runs; q ends that.")] = False,
    no_lines: Annotated[bool, Option("--no-lines", help="Do not read which lines hold the GIL.")] = False,
    rate: Annotated[
        str | None, Option(metavar="HZ", help="Samples per second (default: as many as cost less than 1 % of a CPU).")
    ] = None,
    latency: Annotated[
        bool, Option("--latency", help="Also measure how long a thread waits for the GIL when it wakes up.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Report as JSON only: to stderr, with --pid to stdout.")] = False,
    out: Annotated[
        str | None, Option(metavar="FILE", help="Also write the report as JSON to FILE; - is stdout.")
    ] = None,
    flame: Annotated[
        str | None, Option(metavar="FILE", help="Also write a flame graph to FILE, for speedscope.app.")
    ] = None,
) -> int:
    """Run a program, or watch a running one, and report how it used the GIL: held, waiting, by which line and thread.

    The report of a program goes to stderr after it ended; stdout and the exit status are the program's own. That of a
    running process goes to stdout.
    """
    _refuse_mixed(
        target,
        pid,
        module=module,
        duration=duration,
        live=live,
        json=json,
        no_lines=no_lines,
        latency=latency,
        flame=flame,
    )
    if target is not None and not module:
        _refuse_misread(target)
    from gilscope.report.gil.sources import Sources

    rate_hz, files = _rate(rate), Files.checked(out, flame)
    if pid is not None or live:
        from gilscope.cli import watching

        watched = watching.Request(rate_hz=rate_hz, children=children, live=live, files=files, json=json)
        if pid is None:
            assert target is not None
            return watching.watch_program(target, arguments or [], watched, module=module)
        duration_s = None if live else _WATCHED_S
        return watching.watch_process(_pid(pid), watched, duration_s if duration is None else _duration(duration))
    assert target is not None
    sources = Sources()  # the program may change its folder
    run, report = _measured(
        target, arguments or [], module, rate_hz, lines=not no_lines, latency=latency, children=children
    )
    if run.forked_child:
        os._exit(run.exit_status)
    # A line of its own: the program may not have ended its last one.
    write_report(report, files, sys.stderr, json=json, sources=sources, before="\n")
    return run.exit_status


def _refuse_mixed(
    target: str | None,
    pid: str | None,
    *,
    module: bool,
    duration: str | None,
    live: bool,
    json: bool,
    no_lines: bool,
    latency: bool,
    flame: str | None,
) -> None:
    """Raise UsageError for options that do not go together, with the fix."""
    watched = pid is not None or live
    wrong = {
        "missing argument: name a script, a module after -m, or a running process after --pid": not target and not pid,
        "--pid watches a process that runs already: leave out the script, or --pid": pid and (target or module),
        "--duration is for --pid: a program is watched until it ends": duration is not None and not pid,
        "--latency runs a thread in the program itself: leave out --pid and --live": watched and latency,
        "--live draws on the terminal and --json prints nothing else: leave one out": live and json,
        "--flame is made of the lines: leave out --no-lines": flame is not None and no_lines,
        "a process is always watched with its lines: leave out --no-lines": watched and no_lines,
    }
    for message, found in wrong.items():
        if found:
            raise UsageError(message)


def _refuse_misread(target: str) -> None:
    """Raise UsageError for what is no script but was meant: a function, or the name of the interpreter before it."""
    path = Path(target)
    if re.fullmatch(r".*[\w.]:[^\W\d][\w.]*", target) and not path.exists():
        raise UsageError(f"{target!r} is not a script; for one function use: gilscope profile {shlex.quote(target)}")
    if re.fullmatch(r"(python|pypy)[\d.]*t?(\.exe)?", path.name) and not path.is_dir():
        raise UsageError(f"leave out {target!r}: gilscope runs the script itself, in this interpreter")


def _rate(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise UsageError(f"rate {text!r} is not a number of samples per second: write it like --rate 1000") from None


def _pid(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and 0 < int(text) < 2**31):
        raise UsageError(f"pid {text!r} is no process number: write it like --pid 1234; 'ps -e' lists them")
    return int(text)


def _duration(text: str) -> float:
    return parse_duration_s(text, example="10s, 2m or 1h")


def _measured(
    target: str,
    arguments: list[str],
    module: bool,
    rate_hz: float | None,
    *,
    lines: bool,
    latency: bool,
    children: bool,
) -> tuple[ProgramRun, ProgramReport]:
    """Run the program, print its last message, and restore the streams it may have replaced."""
    # Everything is imported before: afterwards nothing is certain to be as it was.
    import platform

    from gilscope import __version__
    from gilscope.report.gil import program_report
    from gilscope.telemetry.program import run_program

    followed = None
    if children:
        from gilscope.telemetry.watch import Children

        followed = Children(os.getpid(), rate_hz)
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    streams, before = (sys.stdout, sys.stderr), os.times()
    try:
        with followed.followed() if followed is not None else nullcontext():
            run = run_program(target, arguments, module=module, rate_hz=rate_hz, lines=lines, latency=latency)
        after = os.times()
        say(sys.stdout, "")
        say(sys.stderr, run.message)
    finally:
        sys.stdout, sys.stderr = streams
    report = program_report(
        run,
        interpreter=interpreter,
        cpu_s=after.user + after.system - before.user - before.system,
        children_cpu_s=after.children_user + after.children_system - before.children_user - before.children_system,
        tool_version=__version__,
        children=followed.runs if followed is not None else (),
    )
    return run, report
