"""What the workers did in one round: a panel per way to run, drawn by ``gilscope.report.timeline``."""

from __future__ import annotations

import re
from dataclasses import replace

from gilscope.analysis.rows import CaseRow
from gilscope.core.records import ResultSet
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, grouped
from gilscope.report.labels import named
from gilscope.report.svg import Markup
from gilscope.report.timeline import svg
from gilscope.studies.traced.rounds import trace_of

MAX_TIMELINES = 6  # rounds per kernel: one of each executor, and threads both with and without the GIL
_SHORT = 24  # letters of a title beside the number of the block
_BOX = re.compile(r'viewBox="0 0 [\d.]+ ([\d.]+)"')


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the round of median length of some ways; None without the rounds themselves."""
    if view.measured is None:
        return None
    timed = {key for block in view.measured.blocks if block.kernel == kernel for key in block.rounds}
    rows = [row for row in view.at_most_workers(view.parallel(kernel)) if row.case.workers > 1 and row.case.id in timed]
    kinds = grouped(rows, lambda row: (row.case.how, row.case.executor == "threads" and row.holds_gil))
    chosen = [found[0] for found in kinds.values()][:MAX_TIMELINES]
    if not chosen:
        return None
    return Chart(
        title="What the workers did",
        panels=[_panel(view, view.measured, row) for row in chosen],
        note="Of the first implementation of each executor, and for threads of one that holds the GIL and of one that "
        "does not: the diagnostic round where the probe kept who held the GIL, else the round of median length. "
        "'gilscope trace' draws every round, also for ui.perfetto.dev.",
    )


def _panel(view: View, measured: ResultSet, row: CaseRow) -> Panel:
    trace = replace(trace_of(measured, row.case.id), notes=())  # they are wider than a panel
    title = named(row)
    title = title if len(title) <= _SHORT else f"{title[:_SHORT]}\N{HORIZONTAL ELLIPSIS}"
    ident = f"timeline-{view.ident}-{view.number(row)}"
    drawn = svg(trace, title=f"{title}, {trace.title.rpartition(', ')[2]}", width=PANEL_WIDTH, ident=ident)
    (height,) = _BOX.findall(drawn[:1000])
    return Panel(svg=Markup(drawn), height=float(height), alt=f"Timeline of {trace.title}")
