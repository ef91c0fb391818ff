"""Which line or function stops the others: whether one has most of the blame, decided once for all who name it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gilscope.telemetry.blame import Call, by_call
from gilscope.telemetry.stacks import Frame, Stacks

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
    made = defaultdict[tuple[Frame, str], float](float)  # by line and what it called; several rounds have the same
    lines, functions = defaultdict[Frame, float](float), defaultdict[tuple[str, str], float](float)
    for call in calls:
        frame = replace(call.frame, function=call.function)
        made[frame, call.callee] += call.blame
        lines[frame] += call.blame
        functions[frame.file, frame.function] += call.blame
    total = sum(lines.values())
    if total <= 0.0:
        return None
    frame, callee = max(made, key=lambda one: made[one])
    if made[frame, callee] > MOST * total:
        return _named(frame, callee, made[frame, callee] / total)
    frame = max(lines, key=lambda one: lines[one])
    if lines[frame] > MOST * total:  # it calls several things
        return _named(frame, "", lines[frame] / total)
    file, function = max(functions, key=lambda one: functions[one])
    if functions[file, function] > MOST * total:
        return Culprit(file=file, line=None, function=function, callee="", share=functions[file, function] / total)
    return None


def _named(frame: Frame, callee: str, share: float) -> Culprit:
    return Culprit(file=frame.file, line=frame.line, function=frame.function, callee=callee, share=share)


def worth_showing(stacks: Stacks) -> list[Call]:
    """Return the calls that held the GIL for a part that reads as something, the most blamed first."""
    return [call for call in by_call(stacks) if max(call.blame, call.held) >= _LEAST]


def waiting_lines(stacks: Stacks) -> list[Call]:
    """Return where most threads waited: for the GIL, then for locks."""
    calls = by_call(stacks)
    for_gil = sorted((call for call in calls if call.waits_gil >= _LEAST), key=lambda call: -call.waits_gil)
    for_lock = sorted((call for call in calls if call.waits_lock >= _LEAST), key=lambda call: -call.waits_lock)
    return list(dict.fromkeys((*for_gil[:_WAITING], *for_lock[:_WAITING])))
