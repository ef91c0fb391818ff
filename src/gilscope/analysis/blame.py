"""Which line or function stops the others: whether one has most of the blame, decided once for all who name it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gilscope.telemetry.blame import Call, by_call
from gilscope.telemetry.stacks import Blamed, Frame, Stacks, by_line

MOST = 0.5
"""Share of the blame from which a line or function is named: more than all the others together."""

_LEAST = 0.005  # threads, or share of the time; less reads as nothing
_WAITING = 3  # lines in which threads wait: for the GIL, and for locks


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """What has most of the blame: a line, or where no single one does, a function (``line`` is None)."""

    file: str
    line: int | None
    function: str
    callee: str  # what the line called in a library; empty: itself, or a native call
    share: float  # of all blame


def culprit(calls: Iterable[Call]) -> Culprit | None:
    """Return the line, or else the function, with more than half of the blame; None where there is none."""
    lines: dict[Frame, float] = {}  # whose functions are those that ``Call.function`` names
    functions: dict[tuple[str, str], float] = {}
    callees: dict[Frame, tuple[float, str]] = {}
    for call in calls:
        frame = replace(call.frame, function=call.function)
        lines[frame] = lines.get(frame, 0.0) + call.blame
        functions[frame.file, frame.function] = functions.get((frame.file, frame.function), 0.0) + call.blame
        callees[frame] = max(callees.get(frame, (0.0, "")), (call.blame, call.callee))
    total = sum(lines.values())
    if total <= 0.0:
        return None
    frame = max(lines, key=lambda one: lines[one])
    file, function = max(functions, key=lambda one: functions[one])
    if lines[frame] > MOST * total:
        # One line may call several things: only what has most of the blame itself is named with it.
        blame, callee = callees[frame]
        share, callee = (blame / total, callee) if blame > MOST * total else (lines[frame] / total, "")
        return Culprit(file=frame.file, line=frame.line, function=frame.function, callee=callee, share=share)
    if functions[file, function] > MOST * total:
        return Culprit(file=file, line=None, function=function, callee="", share=functions[file, function] / total)
    return None


def worth_showing(stacks: Stacks) -> list[Blamed]:
    """Return the lines that held the GIL for a part that reads as something, the most blamed first."""
    return [line for line in by_line(stacks) if max(line.blame, line.held) >= _LEAST]


def waiting_lines(stacks: Stacks) -> list[Call]:
    """Return where most threads waited: for the GIL, then for locks."""
    calls = by_call(stacks)
    for_gil = sorted((call for call in calls if call.waits_gil >= _LEAST), key=lambda call: -call.waits_gil)
    for_lock = sorted((call for call in calls if call.waits_lock >= _LEAST), key=lambda call: -call.waits_lock)
    return list(dict.fromkeys((*for_gil[:_WAITING], *for_lock[:_WAITING])))
