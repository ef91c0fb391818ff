"""The command line. Every verb is a module of its own; what a verb needs is imported when it runs.

Exit status: 0 fine; 1 a case failed, gave a wrong result or ran out of time, or a gate was missed; 2 the request makes
no sense; 3 a gate could not decide; 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gilscope.core.errors import GilscopeError, ResultFileError, UsageError

if TYPE_CHECKING:
    from gilscope.analysis import Answer
    from gilscope.studies.document import Envelope

__all__ = ["FAILED", "INTERRUPTED", "OK", "UNDECIDED", "USAGE", "exit_status", "main"]

OK = 0
FAILED = 1
USAGE = 2
UNDECIDED = 3
INTERRUPTED = 130  # 128 + SIGINT, what shells report for an interrupted command

_BAD = ("wrong_result", "failed", "timeout")
_UNUSABLE = (errno.ENAMETOOLONG, errno.EACCES)  # merely looking whether a path is there raises these


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; errors raised on purpose become one line on stderr."""
    from gilscope.cli.output import complain, open_standard_streams, write

    open_standard_streams()
    try:
        from gilscope.cli.app import dispatch

        status = dispatch(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        status = INTERRUPTED  # whoever pressed Ctrl-C knows
    except GilscopeError as error:
        complain(str(error))
        status = USAGE if isinstance(error, UsageError | ResultFileError) else FAILED
    except OSError as error:
        if error.errno not in _UNUSABLE or error.filename is None:
            raise
        complain(f"{str(error.filename)!r} cannot be used: {error.strerror}; name another file or folder")
        status = USAGE
    write(sys.stdout, "")  # meets a closed pipe here, not while the interpreter shuts down
    return status


def exit_status(found: Answer | Envelope) -> int:
    """Return the exit status of a measurement."""
    if found.interrupted:
        return INTERRUPTED
    return FAILED if any(row.status in _BAD for row in found.rows) else OK
