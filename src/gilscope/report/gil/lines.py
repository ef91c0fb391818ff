"""The lines with most blame and the lines in which threads wait, as tables of at most 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from gilscope.analysis.blame import waiting_lines, worth_showing
from gilscope.report.figures import counted
from gilscope.report.gil.layout import WIDTH, labelled
from gilscope.report.gil.sources import Sources
from gilscope.report.sentences.blame import BLAME, place
from gilscope.telemetry.blame import Call, short_names
from gilscope.telemetry.reading import GilReport
from gilscope.telemetry.stacks import HOLDS, Stacks

ROWS = 10  # lines shown; the rest is one line
_INDENT = 14  # columns of the figures before a line
_SPINNING = "A thread that spins for a lock counts as running."


def lines_part(gil: GilReport, sources: Sources) -> str:
    """Return the tables, or why there are none; empty where nobody asked for them."""
    stacks = gil.stacks
    if stacks is None:
        return labelled("lines", f"n/a: {gil.stacks_reason}") if gil.stacks_reason else ""
    names = short_names(frame.file for frame in stacks.frames)
    parts = (_blamed(stacks, names, sources), _waiting(stacks, names, sources), _stacks(stacks))
    return "\n\n".join(filter(None, parts))


def _blamed(stacks: Stacks, names: Mapping[str, str], sources: Sources) -> str:
    lines = worth_showing(stacks)
    if not lines:
        seen = any(stack.state == HOLDS for stack in stacks.stacks)
        why = "none held the GIL for long" if seen else "no stack of a thread that held the GIL was read"
        return labelled("lines", f"none: {why}.")
    rows = [labelled("lines", BLAME), "", f"{'blame':>5}  {'held':>5}  line"]
    for line in lines[:ROWS]:
        rows += figures_of(line, names, sources)
    rest = lines[ROWS:]
    if rest:
        together = math.fsum(line.blame for line in rest)
        rows.append(f"and {counted(len(rest), 'more line')}: blame {together:.2f} together")
    return "\n".join(rows)


def figures_of(call: Call, names: Mapping[str, str], sources: Sources) -> Iterator[str]:
    """Yield the row of a line, and its source below where that is known."""
    figures = f"{call.blame:>5.2f}  {100 * call.held:>4.0f}%  "
    return _row(figures, _where(call, names), sources.line(call.frame.file, call.frame.line))


def _where(call: Call, names: Mapping[str, str]) -> str:
    calling = f", calling {call.callee}" if call.callee else ""
    return f"{place(call.frame, names)} in {call.frame.function}{calling}"


def _waiting(stacks: Stacks, names: Mapping[str, str], sources: Sources) -> str:
    calls = waiting_lines(stacks)
    if not calls or stacks.waits_reason:
        return labelled("waiting in", f"n/a: {stacks.waits_reason}") if stacks.waits_reason else ""
    title = f"Mean number of threads that wait in a line, for the GIL and for locks. {_SPINNING}"
    rows = [labelled("waiting in", title), "", f"{'GIL':>5}  {'locks':>5}  line"]
    for call in calls:
        figures = f"{call.waits_gil:>5.2f}  {call.waits_lock:>5.2f}  "
        rows += _row(figures, _where(call, names), sources.line(call.frame.file, call.frame.line))
    return "\n".join(rows)


def _row(figures: str, where: str, source: str) -> Iterator[str]:
    yield figures + cut(where, WIDTH - _INDENT)
    if source:
        yield " " * _INDENT + "  " + cut(source, WIDTH - _INDENT - 2)


def cut(text: str, width: int) -> str:
    """Shorten a text to a width."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _stacks(stacks: Stacks) -> str:
    text = f"{stacks.samples - stacks.dropped} read"
    if stacks.dropped:
        share = 100 * stacks.dropped / stacks.samples
        text += f", {stacks.dropped} more ({share:.1f} %) dropped: they changed while they were read"
    return labelled("stacks", f"{text}.")
