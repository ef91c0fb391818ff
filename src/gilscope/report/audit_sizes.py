"""From which size on a function releases the GIL: a table with bars, and a sentence."""

from __future__ import annotations

from gilscope.report.figures import NONE, seconds
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.studies.audit.calls import AuditedCall, Change, SizedCall

_BAR = 20  # columns of a bar for all of the time
_GIL = {True: "released", False: "held", None: "undecided"}


def called_in(call: AuditedCall) -> str:
    """Name what made a call: the interpreter, and the package it was tried with."""
    return ", ".join(filter(None, (call.interpreter, call.package))) or NONE


def sized_table(call: AuditedCall, width: int, *, color: bool = False) -> str:
    """Lay out what was found size by size; a bar is the share of the time that the GIL is held."""
    table = plain_table(["n", "GIL", "releases a call", "one call", "GIL held", ""])
    for row in call.sizes:
        table.add_row(f"{row.n:,}", *_cells(row))
    return f"{call.call} in {called_in(call)}\n{painted(table, width, color=color)}"


def _cells(row: SizedCall) -> tuple[str, ...]:
    if row.held is None:
        return ("n/a", NONE, NONE, NONE, "")
    held = f"{row.held.value:.0%} [{row.held.low:.0%}, {row.held.high:.0%}]"
    bar = "#" * round(_BAR * row.held.value)
    return (_GIL[row.releases], f"{row.releases_per_call:.2f}", seconds(row.per_call_s), held, bar)


def sized_verdict(call: AuditedCall) -> str:
    """Say in a sentence what was found about a call at all sizes."""
    known = [row for row in call.sizes if row.releases is not None]
    name = f"{call.call} in {called_in(call)}"
    if not known:
        return f"{name}: undecided at every size"
    sizes = f"from n = {known[0].n:,} to {known[-1].n:,}"
    if not call.changes:
        return f"{name} {'releases' if known[0].releases else 'holds'} the GIL at every size {sizes}"
    return f"{name} " + ", then ".join(map(_change, call.changes))


def _change(change: Change) -> str:
    does = "releases the GIL" if change.releases else "holds the GIL"
    if change.first - change.last == 1:
        return f"{does} from n = {change.first:,} on"
    return f"{does} from some n between {change.last + 1:,} and {change.first:,} on"
