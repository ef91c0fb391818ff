"""How a whole program used the GIL: the report of ``gilscope gil`` in the terminal, at most 80 columns wide.

Printing needs nothing but the standard library, because the program that was measured may have changed anything.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from gilscope.analysis.program import ProcessReport, ProgramReport
from gilscope.report.figures import NONE, interval, narrow, percent, printable, seconds, si
from gilscope.report.gil.latency import latency_text
from gilscope.report.gil.layout import LABEL, WIDTH, labelled
from gilscope.report.gil.lines import lines_part
from gilscope.report.gil.sources import Sources
from gilscope.report.gil.strip import strip
from gilscope.report.gil.verdict import NAMED, blamed
from gilscope.telemetry.reading import GilReading

_ROWS = 12  # threads or processes shown; the rest is one line
_NAME = 32  # columns of a thread's name
_CHILDREN = 0.1  # CPUs busy in child processes from which they are worth a word


def render_gil(report: ProgramReport, *, unicode: bool = True, sources: Sources | None = None) -> str:
    """Lay the report out; without ``unicode`` the strip is drawn in digits; ``sources`` has the text of lines."""
    parts, reading, known = [_head(report), _verdict(report)], report.gil.reading, sources or Sources()
    if reading is not None:
        table = thread_table(reading, report.gil.threads_reason)
        parts += [
            _numbers(report, reading),
            strip(reading, unicode=unicode, beats=report.gil.latency is not None),
            table,
        ]
    parts += [lines_part(report.gil, known), children_table(report.children)]
    if report.gil.latency is not None:
        parts.append(labelled("latency", latency_text(report.gil.latency)))
    return printable("\n\n".join(filter(None, parts)) + "\n")


def _head(report: ProgramReport) -> str:
    shown = shortened(" ".join([report.target, *report.arguments]), WIDTH - LABEL)
    attached = report.exit_status is None
    what = f"process {report.pid}" if attached else f"exit status {report.exit_status}"
    ran = labelled("watched" if attached else "ran", f"{seconds(report.wall_s)}, {what}, {report.interpreter}")
    note = f"\n{labelled('note', report.note)}" if report.note else ""
    return f"{labelled('GIL of', shown)}\n{ran}{note}"


def _verdict(report: ProgramReport) -> str:
    verdict = report.verdict
    cure = f"\n{labelled('fix', f'{verdict.cure}.')}" if verdict.cure else ""
    return labelled("verdict", f"{verdict.code}: {verdict.sentence}") + cure


def shortened(command: str, width: int) -> str:
    """Shorten a command to a width, at a space where it has one."""
    return textwrap.shorten(command, width, placeholder=" ...") or command[:width]


def _numbers(report: ProgramReport, reading: GilReading) -> str:
    waiting, turn = f"n/a: {report.gil.waiting_reason}", reading.holds.turn_s
    if reading.waiting is not None:
        share = f"at least one {100 * reading.contended:.0f} % of the time"
        waiting = f"{interval(reading.waiting)} threads on average; {share}"
    latency = report.gil.latency
    beats = f"; up to {2 * latency.samples} by the thread of --latency" if latency and latency.samples else ""
    between = f"; held {seconds(turn)} in between on average" if turn is not None else ""
    cost = f"own cost {100 * reading.cost:.1f} % of a CPU"
    children = report.children_cpu_s / report.wall_s if report.wall_s else 0.0
    busy = report.cpu_s / report.wall_s if report.wall_s else 0.0
    hint = "" if report.children else " (--children measures it)"
    more = f", and {children:.2f} in child processes, each with a GIL of its own{hint}"
    lines = {
        "held": f"{percent(reading.held)} of the time",
        "waiting": waiting,
        "hand-offs": f"{reading.handovers}, {si(reading.handovers_per_s).rstrip()} a second{between}{beats}",
        "late": _late(reading, report.gil.overdue_reason),
        "CPUs": f"{busy:.2f} busy on average{more if children >= _CHILDREN else ''}",
        "probe": f"{reading.samples} samples, one in {seconds(reading.interval_s)} on average; {cost}",
    }
    return "\n".join(labelled(name, text) for name, text in lines.items())


def _late(reading: GilReading, reason: str) -> str:
    overdue = reading.holds.overdue
    if overdue is None:
        return f"n/a: {reason}"
    if not reading.contended:
        return "no thread was seen to ask for the GIL"
    return f"{percent(overdue)} of the held time was after another thread had asked for it"


def thread_table(reading: GilReading, reason: str, rows: int = _ROWS) -> str:
    """Return who held the GIL, at most ``rows`` threads."""
    threads = reading.threads
    if not threads:
        return labelled("threads", f"n/a: {reason}") if reason else ""
    full = [thread.name for thread in threads[:rows]]
    names = [name if len(name) <= _NAME else f"{name[: _NAME - 3]}..." for name in full]
    width = max(len("thread"), *map(len, names))
    lines = [f"{'thread':<{width}}  {'GIL held':>9}  {'late':>5}"]
    known = reading.holds.overdue is not None
    for name, thread in zip(names, threads, strict=False):
        late = f"{100 * thread.overdue:.0f}%" if known else NONE
        lines.append(f"{name:<{width}}  {percent(thread.held):>9}  {late:>5}")
    rest = threads[rows:]
    if rest:
        total = math.fsum(thread.held.value for thread in rest)
        lines.append(f"and {len(rest)} more threads: {100 * total:.0f}% together")
    if reading.unattributed >= 0.01:
        lines.append(f"{100 * reading.unattributed:.0f}% of the held time could not be given to a thread")
    return "\n".join(lines)


def children_table(children: Sequence[ProcessReport]) -> str:
    """Return a row for each child process that was watched, with its verdict below."""
    if not children:
        return ""
    rows = [f"{'child':>8}  {'held':>9}  {'waiting':>7}  {'CPUs':>5}  command and verdict"]
    for child in children[:_ROWS]:
        reading = child.gil.reading
        held = percent(reading.held) if reading is not None else NONE
        waiting = narrow(reading.waiting.value) if reading is not None and reading.waiting is not None else NONE
        busy = narrow(child.cpu_s / child.wall_s) if child.wall_s else NONE
        figures = f"{child.pid:>8}  {held:>9}  {waiting:>7}  {busy:>5}  "
        rows.append(figures + shortened(child.command, WIDTH - len(figures)))
        rows.append(textwrap.indent(textwrap.fill(_child_verdict(child), WIDTH - 10), " " * 10))
    rest = children[_ROWS:]
    if rest:
        rows.append(f"and {len(rest)} more child processes")
    return "\n".join(rows)


def _child_verdict(child: ProcessReport) -> str:
    by = blamed(child.gil) if child.verdict.code in NAMED else ""
    reason = f": {child.gil.reason}" if child.gil.reading is None and child.gil.reason else ""
    return f"{child.verdict.code}{reason}{f', {by}' if by else ''}"
