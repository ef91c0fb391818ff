"""Blame by the lines of the program's own code, and where its threads wait: what stacks mean to whoever wrote it.

Time in a library belongs to the line that called it: ``json.loads`` runs lines of ``json/decoder.py``, and the line
that its user can change is the one with the call. What is a library is told by the path of its file, so that stored
stacks read the same on every machine.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, WAITS_LOCK, Blamed, Frame, Stack, Stacks, by_function, by_line

# The folder of installed packages or of the standard library; what follows it names the module.
_LIBRARY = re.compile(r".*[\\/](?:site-packages|dist-packages|[Ll]ib(?:64)?[\\/]python3\.\d+t?)[\\/]")
_FROZEN = re.compile(r"<frozen ([\w.]+)>")  # importlib and others that are part of the interpreter


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
        if not in_library(frame.file):
            return frame, full_name(called) if called is not None else ""
        called = frame
    return stacks.frames[stack.frames[0]], ""


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
