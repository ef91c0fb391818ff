"""Words for lines and functions: where they are, and who is to blame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from gilscope.analysis.blame import Culprit
from gilscope.telemetry.blame import below_library, full_name, in_library
from gilscope.telemetry.stacks import Frame

BLAME = (
    "The blame of a line is the mean number of threads that wait while it holds the GIL. "
    "A native call counts for the line that made it."
)
_VAGUE = ("__init__.py", "__main__.py")  # file names that say nothing without their folder


def short_names(files: Iterable[str]) -> Mapping[str, str]:
    """Return for each file the shortest end of its path that no other one has; of libraries what is below them."""
    wanted = dict.fromkeys(files)
    names = {file: below_library(file) for file in wanted if in_library(file)}
    parts = {file: PurePath(file).parts for file in wanted if file not in names}
    length = {file: 2 if path and path[-1] in _VAGUE else 1 for file, path in parts.items()}
    while True:
        ends = {file: "/".join(path[-length[file] :]) or file for file, path in parts.items()}
        counts = Counter(ends.values())
        longer = [file for file in parts if counts[ends[file]] > 1 and length[file] < len(parts[file])]
        if not longer:
            return {**names, **{file: end.replace("//", "/") for file, end in ends.items()}}
        for file in longer:
            length[file] += 1


def place(frame: Frame | Culprit, names: Mapping[str, str]) -> str:
    """Write ``server.py:7``; just the file where the line is not known."""
    file = names.get(frame.file, frame.file)
    return file if frame.line is None else f"{file}:{frame.line}"


def held_by(found: Culprit, names: Mapping[str, str]) -> str:
    """Write ``held by json.loads called at server.py:7, 71 % of the blame``."""
    where, share = place(found, names), f"{100 * found.share:.0f} % of the blame"
    if found.callee:
        return f"held by {found.callee} called at {where}, {share}"
    function = found.function
    if in_library(found.file):
        function = full_name(Frame(file=found.file, function=function, line=None))
    return f"held by {function} {'in' if found.line is None else 'at'} {where}, {share}"
