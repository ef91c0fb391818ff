"""Blame by the lines of the program's own code, and where its threads wait: what stacks mean to whoever wrote it.

Time in a library belongs to the line that called it: ``json.loads`` runs lines of ``json/decoder.py``, and the line
that its user can change is the one with the call. What is a library is told by the path of its file, so that stored
stacks read the same on every machine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any

from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, WAITS_LOCK, Blamed, Frame, Stack, Stacks, by_function, by_line

# The folder of installed packages or of the standard library; what follows it names the module.
_LIBRARY = re.compile(r".*[\\/](?:site-packages|dist-packages|[Ll]ib(?:64)?[\\/]python3\.\d+t?)[\\/]")
_FROZEN = re.compile(r"<frozen ([\w.]+)>")  # importlib and others that are part of the interpreter

_OURS = "_watched_start"  # of telemetry.names: it stands between a program and ``Thread.start`` while it is measured

_VAGUE = ("__init__.py", "__main__.py")  # file names that say nothing without their folder
_KEPT = 5  # calls in a result: the rest has hardly any blame


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a line of the program's own code did with all that it called, and how long threads waited in it."""

    frame: Frame  # the innermost line outside libraries; where there is none, the innermost line
    callee: str  # what it called in a library, like ``json.loads``; empty: itself, or a native call
    held: float  # share of the time during which it held the GIL
    blame: float  # mean number of threads that waited while it did
    waits_gil: float  # mean number of threads that waited in it themselves, for the GIL
    waits_lock: float  # and for a lock
    samples: int

    @property
    def function(self) -> str:
        """Its function; of a library with the module."""
        return full_name(self.frame) if in_library(self.frame.file) else self.frame.function


def in_library(file: str) -> bool:
    """Whether a file belongs to the standard library or to an installed package."""
    return bool(_LIBRARY.match(file) or _FROZEN.match(file))


def below_library(file: str) -> str:
    """Return the path below the folder that libraries are in, ``json/decoder.py``; that of any other file as it is."""
    return _LIBRARY.sub("", file, count=1)


def full_name(frame: Frame) -> str:
    """Return the dotted name of a library's function: ``json.loads``."""
    frozen = _FROZEN.match(frame.file)
    path = frozen[1] if frozen else re.sub(r"\.pyc?$", "", below_library(frame.file))
    module = re.sub(r"[\\/]", ".", path).removesuffix(".__init__")
    return f"{module}.{frame.function}"


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


def by_call(stacks: Stacks) -> tuple[Call, ...]:
    """Add up stacks by the line of the program's own code and what it called; the most blamed first."""
    found: dict[tuple[Frame, str], dict[str, float]] = {}
    for stack in stacks.stacks:
        if stack.frames:
            sums = found.setdefault(_own(stacks, stack), dict.fromkeys((HOLDS, WAITS_GIL, WAITS_LOCK, "blame", "n"), 0))
            sums[stack.state] += stack.seconds
            sums["blame"] += stack.blame_s
            sums["n"] += stack.samples
    calls = [
        Call(
            frame=frame,
            callee=callee,
            held=sums[HOLDS] / stacks.window_s,
            blame=sums["blame"] / stacks.window_s,
            waits_gil=sums[WAITS_GIL] / stacks.window_s,
            waits_lock=sums[WAITS_LOCK] / stacks.window_s,
            samples=int(sums["n"]),
        )
        for (frame, callee), sums in found.items()
    ]
    return tuple(sorted(calls, key=lambda call: (-call.blame, -call.held)))


def _own(stacks: Stacks, stack: Stack) -> tuple[Frame, str]:
    """Return the innermost line outside libraries and what it called in one; else the innermost line."""
    called = None
    for place in stack.frames:
        frame = stacks.frames[place]
        if frame.function == _OURS:
            continue
        if not in_library(frame.file):
            return frame, full_name(called) if called is not None else ""
        called = frame
    return stacks.frames[stack.frames[0]], ""


def kept_calls(stacks: Stacks | None) -> list[dict[str, Any]]:
    """Return the calls with most blame as a result keeps them: without the folders, which may name who ran it."""
    if stacks is None:
        return []
    names = short_names(frame.file for frame in stacks.frames)
    calls = [call for call in by_call(stacks) if call.blame > 0][:_KEPT]
    return [
        asdict(replace(call, frame=replace(call.frame, file=names[call.frame.file], function=call.function)))
        for call in calls
    ]


def without_unused(stacks: Stacks) -> Stacks:
    """Leave out the lines that are on no stack."""
    used = sorted({place for stack in stacks.stacks for place in stack.frames})
    new = {place: number for number, place in enumerate(used)}
    moved = (replace(stack, frames=tuple(new[place] for place in stack.frames)) for stack in stacks.stacks)
    return replace(stacks, frames=tuple(stacks.frames[place] for place in used), stacks=tuple(moved))


def blame_facts(stacks: Stacks | None) -> dict[str, Any]:
    """Return the part of a report's JSON that is about lines, and the stacks themselves; nothing where none are."""
    if stacks is None:
        return {}
    waiting = sorted(by_call(stacks), key=lambda call: -(call.waits_gil + call.waits_lock))
    return {
        "lines": [_blamed(line) for line in by_line(stacks) if line.held or line.blame],
        "functions": [_blamed(line) for line in by_function(stacks) if line.held or line.blame],
        "waiting_lines": [
            {**asdict(call.frame), "callee": call.callee, "gil": call.waits_gil, "lock": call.waits_lock}
            for call in waiting
            if call.waits_gil or call.waits_lock
        ],
        "stacks": asdict(stacks),
    }


def _blamed(line: Blamed) -> dict[str, Any]:
    return {**asdict(line.frame), "held": line.held, "blame": line.blame}


def check_stored(stacks: Stacks) -> None:
    """Raise ValueError where stacks that were stored name a frame or a state that there is not, or took no time."""
    places = {place for stack in stacks.stacks for place in stack.frames}
    states = {stack.state for stack in stacks.stacks}
    if not places <= set(range(len(stacks.frames))) or not states <= {HOLDS, WAITS_GIL, WAITS_LOCK}:
        raise ValueError("a stack names a line or a state that the report does not have")
    if not stacks.window_s > 0:
        raise ValueError("stacks were read in no time")
