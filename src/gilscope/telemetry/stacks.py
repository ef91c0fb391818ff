"""Python stacks of the threads that held the GIL or waited, weighed by time, and what they add up to by line."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

HOLDS, WAITS_GIL, WAITS_LOCK = "holds", "waits_gil", "waits_lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A line of Python code on a stack; a native call counts for the line that made it."""

    file: str  # as the code object names it
    function: str  # qualified name
    line: int | None  # from 1; None where the byte code belongs to no line


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack of one thread in one state, and how much time was spent so."""

    native_id: int
    state: str  # HOLDS, WAITS_GIL or WAITS_LOCK
    frames: tuple[
        int, ...
    ]  # places in ``Stacks.frames``, innermost first, at most 64; none: of stacks too many to keep
    seconds: float  # in this state with this stack
    blame_s: float  # holders only: thread-seconds that others waited for the GIL meanwhile
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """All stacks of one process that were read in a window of ``window_s`` seconds."""

    window_s: float
    frames: tuple[Frame, ...]
    stacks: tuple[Stack, ...]
    samples: int  # stacks that were wanted, of holders and of those that wait
    dropped: int  # of these, where it changed while it was read, or did not add up
    waits_reason: str = ""  # why it is not known which threads wait, for the GIL or for locks; empty where it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Blamed:
    """What one line or function did to the others; sums over all threads that ran it."""

    frame: Frame  # of a function: its most blamed line
    held: float  # share of the time during which it held the GIL
    blame: float  # mean number of threads that waited while it did
    waits: float  # mean number of threads that waited in it themselves, for the GIL or a lock
    samples: int


def by_line(stacks: Stacks) -> tuple[Blamed, ...]:
    """Add up what the innermost frame of each stack did, by line; the most blamed first."""
    return _added_up(stacks, lambda frame: frame)


def by_function(stacks: Stacks) -> tuple[Blamed, ...]:
    """Add up what the innermost frame of each stack did, by function; the most blamed first."""
    return _added_up(stacks, lambda frame: (frame.file, frame.function))


def _added_up(stacks: Stacks, key: Callable[[Frame], Hashable]) -> tuple[Blamed, ...]:
    sums: dict[Hashable, list[float]] = {}
    worst: dict[Hashable, tuple[float, Frame]] = {}
    for stack in stacks.stacks:
        if not stack.frames:
            continue
        frame = stacks.frames[stack.frames[0]]
        held, waits = (stack.seconds, 0.0) if stack.state == HOLDS else (0.0, stack.seconds)
        total = sums.setdefault(key(frame), [0.0, 0.0, 0.0, 0])
        for place, part in enumerate((held, stack.blame_s, waits, stack.samples)):
            total[place] += part
        weight = stack.blame_s + stack.seconds
        if key(frame) not in worst or weight > worst[key(frame)][0]:
            worst[key(frame)] = (weight, frame)
    found = [
        Blamed(
            frame=worst[name][1],
            held=total[0] / stacks.window_s,
            blame=total[1] / stacks.window_s,
            waits=total[2] / stacks.window_s,
            samples=int(total[3]),
        )
        for name, total in sums.items()
    ]
    return tuple(sorted(found, key=lambda line: (-line.blame, -line.held, -line.waits)))
