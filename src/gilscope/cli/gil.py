"""``gilscope gil``: how a whole program uses the GIL."""

from __future__ import annotations

import json as json_
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from typer import Argument, Option

from gilscope.cli.output import can_draw, cannot_write, complain, write
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.analysis.program import ProgramReport
    from gilscope.telemetry.program import ProgramRun

CONTEXT = {"allow_interspersed_args": False}  # what follows the script belongs to it, options too

_STDOUT = "-"


def gil(
    target: Annotated[
        str, Argument(metavar="SCRIPT|-m MODULE", help="Script, folder or zip file; or a module.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="ARG", help="Everything after it belongs to the program.", show_default=False),
    ] = None,
    module: Annotated[bool, Option("-m", help="What follows is a module, as for python -m.")] = False,
    rate: Annotated[
        str | None, Option(metavar="HZ", help="Samples per second (default: what costs less than 1 %).")
    ] = None,
    latency: Annotated[
        bool, Option("--latency", help="Also measure how long a thread that wakes up waits for the GIL.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Report JSON and nothing else, to stderr or --out.")] = False,
    out: Annotated[
        str | None, Option(metavar="FILE", help="Write the report as JSON to FILE too; - is stdout.")
    ] = None,
) -> int:
    """Run a program and report how it used the GIL: held, waiting, hand-offs, over time and per thread.

    The report goes to stderr after the program ended; stdout and the exit status are the program's own.
    """
    try:
        rate_hz = None if rate is None else float(rate)
    except ValueError:
        raise UsageError(f"rate {rate!r} is no number of looks per second: write it like --rate 1000") from None
    file = _writable(out) if out not in (None, _STDOUT) else out
    run, report = _measured(target, arguments or [], module, rate_hz, latency)
    if run.forked_child:
        os._exit(run.exit_status)
    _write(report, file, json=json)
    return run.exit_status


def _writable(out: str) -> str:
    """Return the absolute path of the report; UsageError if it cannot be written, or is another's, as a script is."""
    from gilscope.analysis.program import GIL_SCHEMA

    path = Path(out).absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise cannot_write(out, "it is a folder" if path.is_dir() else "its folder does not exist")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise cannot_write(out, "permission denied")
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if GIL_SCHEMA.encode() not in file.read(100):
                raise UsageError(f"{out!r} exists and is no report of 'gilscope gil': choose another file with --out")
    return str(path)


def _measured(
    target: str, arguments: list[str], module: bool, rate_hz: float | None, latency: bool
) -> tuple[ProgramRun, ProgramReport]:
    """Run the program, print its last message, and restore the streams it may have replaced."""
    # Everything is imported before: afterwards nothing is certain to be as it was.
    import platform

    from gilscope import __version__
    from gilscope.report.gil import program_report
    from gilscope.telemetry.program import run_program

    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    streams, before = (sys.stdout, sys.stderr), os.times()
    try:
        run = run_program(target, arguments, module=module, rate_hz=rate_hz, latency=latency)
        after = os.times()
        _say(sys.stdout, "")
        _say(sys.stderr, run.message)
    finally:
        sys.stdout, sys.stderr = streams
    report = program_report(
        run,
        interpreter=interpreter,
        cpu_s=after.user + after.system - before.user - before.system,
        children_cpu_s=after.children_user + after.children_system - before.children_user - before.children_system,
        tool_version=__version__,
    )
    return run, report


def _say(stream: TextIO | None, text: str) -> None:
    """Write what Python would write at the end of the program, unless that closed its streams."""
    with suppress(AttributeError, OSError, ValueError):  # a stream of the program's own making, closed
        write(stream, text)


def _write(report: ProgramReport, file: str | None, *, json: bool) -> None:
    from gilscope.report.gil import render_gil

    text = json_.dumps(report.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if not json:
        # A line of its own: the program may not have ended its last one.
        _say(sys.stderr, "\n" + render_gil(report, unicode=can_draw("█", sys.stderr)))
    elif file is None:
        _say(sys.stderr, text)
    if file == _STDOUT:
        _say(sys.stdout, text)
    elif file is not None:
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            complain(f"the report could not be written to {file!r}: {error.strerror}; it follows here")
            _say(sys.stderr, text)
