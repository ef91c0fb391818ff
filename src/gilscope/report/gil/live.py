"""What the live view shows: the report so far, as much of it as fits on a screen of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gilscope.analysis.blame import worth_showing
from gilscope.analysis.program import ProgramReport
from gilscope.report.figures import NONE, interval, narrow, percent, printable, seconds, si
from gilscope.report.gil.layout import LABEL, WIDTH, labelled
from gilscope.report.gil.lines import figures_of
from gilscope.report.gil.sources import Sources
from gilscope.report.gil.strip import strip
from gilscope.report.gil.text import children_table, shortened, thread_table
from gilscope.telemetry.blame import short_names
from gilscope.telemetry.reading import GilReading

_RECENT_S = 1.0  # what "now" is about
_THREADS = 6
_LINES = 10


def live_text(report: ProgramReport, *, height: int, unicode: bool, sources: Sources) -> str:
    """Return the view of what is known so far, in at most ``height`` lines."""
    reading = report.gil.reading
    head = f"{shortened(report.target, WIDTH - LABEL - 10):<{WIDTH - LABEL - 10}}  q: ends"
    parts = [f"{'GIL of':<{LABEL}}{head}"]
    if reading is None:
        parts.append(labelled("held", f"n/a: {report.gil.reason}"))
    else:
        parts += [_levels(report, reading), _strip(reading, unicode)]
    parts += [_lines(report, sources), children_table(report.children)]
    if reading is not None:
        parts.append(thread_table(reading, report.gil.threads_reason, rows=_THREADS))
    lines = "\n\n".join(filter(None, parts)).splitlines()
    return printable("\n".join(lines[:height]))


def _levels(report: ProgramReport, reading: GilReading) -> str:
    waiting = f"n/a: {report.gil.waiting_reason}"
    if reading.waiting is not None:
        waiting = f"{_now(reading.timeline.waiting, reading):>5} now, {interval(reading.waiting)} threads on average"
    held = f"{_now(reading.timeline.held, reading, _share):>5} now, {percent(reading.held)} on average"
    busy = report.cpu_s / report.wall_s if report.wall_s else 0.0
    per_s = si(reading.handovers_per_s).rstrip()
    rows = {
        "watched": f"{seconds(report.wall_s)}, {busy:.2f} CPUs busy, {per_s} hand-offs a second",
        "held": held,
        "waiting": waiting,
    }
    return "\n".join(labelled(name, text) for name, text in rows.items())


def _now(levels: Sequence[float | None], reading: GilReading, written: Callable[[float], str] = narrow) -> str:
    """Write the mean of the last second of the timeline."""
    recent = max(1, round(_RECENT_S / reading.timeline.bin_s))
    known = [level for level in levels[-recent:] if level is not None]
    if not known:
        return NONE
    return written(sum(known) / len(known))


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"


def _strip(reading: GilReading, unicode: bool) -> str:
    rows = strip(reading, unicode=unicode).splitlines()
    return "\n".join(row for row in rows if not row.startswith(" "))  # without the legend


def _lines(report: ProgramReport, sources: Sources) -> str:
    stacks = report.gil.stacks
    if stacks is None:
        return labelled("lines", f"n/a: {report.gil.stacks_reason}") if report.gil.stacks_reason else ""
    lines = worth_showing(stacks)[:_LINES]
    if not lines:
        return labelled("lines", "none so far: no thread that waited was seen.")
    names = short_names(line.frame.file for line in lines)
    return "\n".join(
        [f"{'blame':>5}  {'held':>5}  line", *(row for line in lines for row in figures_of(line, names, sources))]
    )
