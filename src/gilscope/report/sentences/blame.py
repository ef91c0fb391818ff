"""Words for lines and functions: where they are, and who is to blame."""

from __future__ import annotations

from collections.abc import Mapping

from gilscope.analysis.blame import Culprit
from gilscope.telemetry.stacks import Frame

BLAME = (
    "The blame of a line is the mean number of threads that wait while it holds the GIL. "
    "A call into a library counts for the line that made it."
)


def place(frame: Frame | Culprit, names: Mapping[str, str]) -> str:
    """Write ``server.py:7``; just the file where the line is not known."""
    file = names.get(frame.file, frame.file)
    return file if frame.line is None else f"{file}:{frame.line}"


def held_by(found: Culprit, names: Mapping[str, str]) -> str:
    """Write ``held by json.loads called at server.py:7, 71 % of the blame``."""
    where, share = place(found, names), f"{100 * found.share:.0f} % of the blame"
    if found.callee:
        return f"held by {found.callee} called at {where}, {share}"
    return f"held by {found.function} {'in' if found.line is None else 'at'} {where}, {share}"
