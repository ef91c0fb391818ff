"""What reaches the terminal: one place that prints, so that a closed pipe and a missing terminal are handled once."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.analysis import Answer
    from gilscope.core.cases import Plan, Study

PIPE_WIDTH = 120  # columns where there is no terminal to ask: wide enough for every table, as in a log file
_COMMANDS = re.compile("[\x7f-\x9f]")  # control characters that JSON lets through: terminals obey some of them
_LONGEST = 2000  # characters of a complaint; more is no line that anybody reads
MIN_WIDTH = 60  # narrower than this no row of a table fits; terminals wrap the rest


def open_standard_streams() -> None:
    """Put the null device where a standard stream is closed: the next file opened would take its place."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, so this one
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", encoding="utf-8", closefd=False))


def emit(text: str) -> None:
    """Print to stdout; a reader that went away (``| head``) is no error."""
    write(sys.stdout, text if text.endswith("\n") else text + "\n")


def shown(text: Path | str) -> str:
    """Return a path or a message as a terminal may get it: whoever named it must not control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def emit_json(document: Mapping[str, object]) -> None:
    """Print one JSON document to stdout; NaN and infinities are refused because JSON has none."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    emit(_COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def emit_document(document: Mapping[str, object], render: Callable[..., str], *, json: bool) -> None:
    """Print a document as JSON, or rendered for the width and the colours of the terminal."""
    if json:
        emit_json(document)
    else:
        emit(render(width=stdout_width(), color=stdout_color()))


def emit_answer(answer: Answer, *, json: bool, full: bool = False, one_time: bool = False) -> None:
    """Print the answer, all tables if ``full``, those of one-time costs too with ``one_time``, or the JSON document."""
    if json:
        from gilscope.analysis.to_json import to_json
        from gilscope.report.sentences import verdict

        emit_json(to_json(answer, verdict))
    elif full or one_time:
        from gilscope.report.terminal import render

        emit(render(answer, width=stdout_width(), color=stdout_color(), one_time=one_time))
    else:
        from gilscope.report.terminal.answer import render_answer

        emit(render_answer(answer, width=stdout_width(), color=stdout_color()))


def emit_plan(study: Study, plan: Plan, *, json: bool) -> None:
    """Print what would be measured."""
    from gilscope.report.sentences.plan import plan_document, plan_lines

    if json:
        emit_json(plan_document(study, plan))
    else:
        emit("\n".join(shown(line) for line in plan_lines(study, plan)))


def cannot_write(path: Path | str, why: str | None, what: str = "file", option: str = "--out") -> UsageError:
    """Return the error of a path that cannot be written."""
    return UsageError(f"cannot write to {str(path)!r}: {why}; choose another {what} with {option}")


def complain(message: str) -> None:
    """Print one line to stderr, whatever line breaks the message has."""
    line = shown(" ".join(message.split()))
    if len(line) > _LONGEST:  # what happened is at the beginning, the fix at the end
        line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    write(sys.stderr, f"gilscope: {line}\n")


def stdout_width() -> int:
    """Columns to lay out for: the terminal's, ``COLUMNS`` where set, else enough for every table."""
    return max(MIN_WIDTH, shutil.get_terminal_size(fallback=(PIPE_WIDTH, 24)).columns)


def stdout_color() -> bool:
    """Whether colours may be used on stdout: a terminal, and neither ``NO_COLOR`` nor ``TERM=dumb`` asks for none."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_draw(letters: str, stream: TextIO | None) -> bool:
    """Whether a stream can carry some letters."""
    try:
        letters.encode(stream.encoding or "ascii")  # type: ignore[union-attr]
    except (AttributeError, LookupError, UnicodeEncodeError):  # None, or a stream of a program's own making
        return False
    return True


def draws_unicode() -> bool:
    """Whether stdout can carry lines, blocks and arrows."""
    return can_draw("│█▶✓", sys.stdout)


def write(stream: TextIO | None, text: str) -> None:
    """Write and flush; a reader that went away is no error, and neither is a stream that a program closed."""
    if stream is None or stream.closed:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # The interpreter flushes again at exit and would report the same error: point the descriptor at nothing.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
    except UnicodeEncodeError:
        stream.write(text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii"))
        stream.flush()
