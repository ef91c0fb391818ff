"""Where the report of ``gilscope gil`` goes: a stream, and the files of --out and --flame."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from gilscope.cli.output import can_draw, cannot_write, complain, write
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.analysis.program import ProgramReport
    from gilscope.report.gil.sources import Sources

_STDOUT = "-"
_HEAD_BYTES = 200  # a file of ours says what it is before that
_LIST = re.compile(r"\[\n[^\[\]{}\"]*\]")  # of numbers: no text has a line break in JSON


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a report, as absolute paths: the program may change its folder."""

    out: str | None = None  # or - for stdout
    flame: str | None = None

    @classmethod
    def checked(cls, out: str | None, flame: str | None) -> Files:
        """Return the files; UsageError where one cannot be written or is another's, as a script is."""
        from gilscope.analysis.program import GIL_SCHEMA
        from gilscope.report.gil.flame import SCHEMA

        return cls(
            out=out if out in (None, _STDOUT) else _writable(out, GIL_SCHEMA, "--out"),
            flame=None if flame is None else _writable(flame, SCHEMA, "--flame"),
        )


def _writable(file: str, mark: str, option: str) -> str:
    path = Path(file).absolute()
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a folder" if path.is_dir() else "its folder does not exist"
        raise cannot_write(file, why, option=option)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise cannot_write(file, "permission denied", option=option)
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as found:
            if mark.encode() not in found.read(_HEAD_BYTES):
                raise UsageError(
                    f"{file!r} exists and is no report of 'gilscope gil': choose another file with {option}"
                )
    return str(path)


def say(stream: TextIO | None, text: str) -> None:
    """Write what Python would write at the end of a program, unless that closed its streams."""
    with suppress(AttributeError, OSError, ValueError):  # a stream of the program's own making, closed
        write(stream, text)


def as_json(document: dict[str, Any]) -> str:
    """Return a document with lists of numbers on one line each."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    return _LIST.sub(lambda found: " ".join(found[0].split()).replace("[ ", "[").replace(" ]", "]"), text) + "\n"


def write_report(
    report: ProgramReport, files: Files, stream: TextIO | None, *, json: bool, sources: Sources, before: str = ""
) -> None:
    """Write the report to a stream, as text after ``before`` or with ``json`` as JSON, and to its files."""
    from gilscope.report.gil import render_gil
    from gilscope.report.gil.flame import speedscope

    text = as_json(report.to_json())
    if not json:
        say(stream, before + render_gil(report, unicode=can_draw("█", stream), sources=sources))
    elif files.out is None:
        say(stream, text)
    if files.out == _STDOUT:
        say(sys.stdout, text)
    elif files.out is not None:
        _keep(files.out, text, stream)
    if files.flame is not None:
        _keep(files.flame, as_json(speedscope(report)), stream)


def _keep(file: str, text: str, stream: TextIO | None) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"the report could not be written to {file!r}: {error.strerror}; it follows here")
        say(stream, text)
