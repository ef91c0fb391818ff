"""From the probe's stacks of lines to ``Stacks``: equal frames are one, and stacks of equal frames are one."""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

from gilscope.core.units import NS_PER_S
from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, WAITS_LOCK, Frame, Stack, Stacks

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import RawStacks

MOST_FRAMES = 64  # as _gilframes.h
WAITS_UNKNOWN = (
    "what threads wait for is known where the kernel has /proc/PID/task/TID/syscall and the C library is glibc"
)
_STATES = (HOLDS, WAITS_GIL, WAITS_LOCK)  # as _gilstacks.h numbers them


def stacks_of(raw: RawStacks, window_s: float, waits_reason: str = "") -> Stacks:
    """Turn what ``_gilprobe.Sampler.stacks()`` returned into stacks; the longest seen are first.

    ``waits_reason``: why it is not known, or not of all, which threads wait.
    """
    places: dict[tuple[str, str, int], int] = {}
    sums: dict[tuple[int, str, tuple[int, ...]], list[float]] = {}
    for native_id, state, frames, ns, blame_ns, samples in raw["stacks"]:
        path = tuple(places.setdefault(frame, len(places)) for frame in frames)
        total = sums.setdefault((native_id, _STATES[state], path), [0.0, 0.0, 0])
        for place, part in enumerate((ns, blame_ns, samples)):
            total[place] += part
    stacks = [
        Stack(
            native_id=native_id,
            state=state,
            frames=path,
            seconds=total[0] / NS_PER_S,
            blame_s=total[1] / NS_PER_S,
            samples=int(total[2]),
        )
        for (native_id, state, path), total in sums.items()
    ]
    return Stacks(
        window_s=window_s,
        frames=tuple(Frame(file=file, function=function, line=line or None) for file, function, line in places),
        stacks=tuple(sorted(stacks, key=lambda stack: -stack.seconds)),
        samples=raw["samples"],
        dropped=raw["dropped"],
        waits_reason=waits_reason,
    )


def entry_names(raw: RawStacks) -> dict[int, str]:
    """Name threads by the function they began with, as ``threading`` does by default: ``thread 4711 (worker)``."""
    names = {}
    for native_id, _, frames, *_ in raw["stacks"]:
        own = [row for row in frames if os.path.basename(row[0]) != "threading.py"]
        if own and len(frames) < MOST_FRAMES and native_id not in names:
            names[native_id] = f"thread {native_id} ({own[-1][1]})"
    return names


def check_own_stack() -> str:
    """Why the probe cannot read stacks here, empty if it can: does it read this thread's as Python itself does?"""
    from gilscope.telemetry import _gilprobe

    found = _gilprobe.own_stack()
    if found is None:
        return "self-check failed: the stack of the calling thread cannot be read"
    frame: FrameType | None = sys._getframe()
    known: list[tuple[str, str, int | None]] = []
    while frame is not None and len(known) < MOST_FRAMES:
        known.append((frame.f_code.co_filename, frame.f_code.co_qualname, frame.f_lineno))
        frame = frame.f_back
    # This frame has moved on to another line since.
    if [row[:2] for row in found] != [row[:2] for row in known] or list(found[1:]) != known[1:]:
        return "self-check failed: the stack of the calling thread is not what was read"
    return ""


def waits_reason() -> str:
    """Why it is not known which threads of this process wait; empty where it is."""
    from gilscope.telemetry import _gilprobe

    return "" if _gilprobe.sleeps_known(threading.get_native_id()) else WAITS_UNKNOWN
