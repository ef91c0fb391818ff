"""How long the GIL was held and how many threads waited for it, as the probe saw it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.report.charts.marks import bar
from gilscope.report.charts.model import PANEL_WIDTH, Chart, View, beside, counted_variant, row_panels, top
from gilscope.report.figures import interval, percent
from gilscope.report.palette import executor_class
from gilscope.report.svg import Markup, linear, tag
from gilscope.stats import Estimate

MAX_ROWS = 60  # cases per kernel; those that wait most come first
_LEFT, _BAR = 12.0, 12.0
_HALF = (PANEL_WIDTH - 24.0 - 16.0) / 2


def draw(view: View, kernel: str) -> Chart | None:
    """Draw what the probe saw of each way that it could watch, with most workers that have a CPU each."""
    watched = [row for row in view.rows[kernel] if is_measured(row) and row.gil.available and row.gil.held is not None]
    rows = [row for row in view.at_most_workers(watched) if row.case.workers > 1]
    if not rows:
        return None
    shown = top(rows, MAX_ROWS, lambda row: row.gil.waiting.value if row.gil.waiting is not None else 0.0)
    most = max(row.case.workers - 1 for row in rows)
    left_out = f"The {MAX_ROWS} of {len(rows)} ways that wait most. " if len(shown) < len(rows) else ""
    return Chart(
        title="The GIL",
        panels=row_panels(f"GIL of {kernel}", shown, partial(_row, view, most), partial(_described, view)),
        note=left_out + "Left the share of time during which a thread held it, right how many threads waited for it "
        f"on average (the bar's end is {most}). Seen in diagnostic rounds, never in timed ones.",
    )


def _described(view: View, row: CaseRow) -> str:
    return f"{counted_variant(view, row)} held {percent(row.gil.held)}, waiting {interval(row.gil.waiting)}"


def _row(view: View, most: int, row: CaseRow, y: float) -> Iterator[Markup]:
    label = counted_variant(view, row)
    held, waiting = row.gil.held, row.gil.waiting
    texts = [f"held {percent(held)}"]
    bars = [] if held is None else _bar(held, 1.0, _LEFT, y + 17)
    if waiting is not None:
        texts.insert(0, f"{texts[0]}, {waiting.value:.2f} waiting")
        bars += _bar(waiting, float(most), _LEFT + _HALF + 16, y + 17)
    yield tag("text", label, x=_LEFT, y=y + 11)
    yield tag("text", beside(label, *texts), x=PANEL_WIDTH - 12, y=y + 11, class_="soft end")
    yield tag("g", *bars, class_=executor_class(row.case.executor), data_case=view.number(row))


def _bar(found: Estimate, end: float, x: float, y: float) -> list[Markup]:
    at = linear((0.0, end), (x, x + _HALF))
    track = tag("rect", x=x, y=y, width=_HALF, height=_BAR, class_="track")
    return [track, *bar(found, lambda value: at(min(max(value, 0.0), end)), x, y, _BAR)]
