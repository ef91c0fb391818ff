"""How long the GIL was held and how many threads waited for it, as the probe saw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, beside, grouped, panel_of, top, variant
from gilscope.report.figures import interval, percent
from gilscope.report.palette import executor_class
from gilscope.report.svg import Markup, path, tag
from gilscope.stats import Estimate

__all__ = ["MAX_ROWS", "draw"]

MAX_ROWS = 60
"""Cases per kernel; those that wait most come first."""

_LEFT, _ROW, _BAR = 12.0, 40.0, 12.0
_HALF = (PANEL_WIDTH - 24.0 - 16.0) / 2


def draw(view: View, kernel: str) -> Chart | None:
    """Draw what the probe saw of each way that it could watch, with most workers that have a CPU each."""
    seen = [row for row in view.rows[kernel] if is_measured(row) and row.gil.available and row.gil.held is not None]
    rows = [row for row in view.at_most_workers(seen) if row.case.workers > 1]
    if not rows:
        return None
    shown = top(rows, MAX_ROWS, _waiting)
    groups = grouped(shown, lambda row: row.case.implementation)
    most = max(row.case.workers - 1 for row in rows)
    left_out = f"The {MAX_ROWS} of {len(rows)} ways that wait most. " if len(shown) < len(rows) else ""
    return Chart(
        title="The GIL",
        panels=[_panel(view, kernel, name, group, most) for name, group in groups.items()],
        note=left_out + "Left the share of time during which a thread held it, right how many threads waited for it "
        f"on average (the bar's end is {most}). Seen in diagnostic rounds, never in timed ones.",
    )


def _waiting(row: CaseRow) -> float:
    return row.gil.waiting.value if row.gil.waiting is not None else 0.0


def _panel(view: View, kernel: str, name: str, rows: Sequence[CaseRow], most: int) -> Panel:
    shapes = [tag("text", name, x=_LEFT, y=17, class_="t")]
    for number, row in enumerate(rows):
        shapes.extend(_row(view, row, 30 + number * _ROW, most))
    seen = "; ".join(
        f"{variant(view, row)}*{row.case.workers} held {percent(row.gil.held)}, waiting {interval(row.gil.waiting)}"
        for row in rows
    )
    return panel_of(*shapes, height=34 + _ROW * len(rows), alt=f"GIL of {kernel} {name}: {seen}")


def _row(view: View, row: CaseRow, y: float, most: int) -> Iterator[Markup]:
    label = f"{variant(view, row)}*{row.case.workers}"
    held, waiting = row.gil.held, row.gil.waiting
    texts = [f"held {percent(held)}"]
    bars = [_bar(held, 1.0, _LEFT, y + 17)] if held is not None else []
    if waiting is not None:
        texts.insert(0, f"{texts[0]}, {waiting.value:.2f} waiting")
        bars.append(_bar(waiting, float(most), _LEFT + _HALF + 16, y + 17))
    yield tag("text", label, x=_LEFT, y=y + 11)
    yield tag("text", beside(label, *texts), x=PANEL_WIDTH - 12, y=y + 11, class_="soft end")
    yield tag("g", *bars, class_=executor_class(row.case.executor), data_case=view.number(row))


def _bar(found: Estimate, end: float, x: float, y: float) -> Markup:
    """Draw a value on a track that ends at ``end``, with its interval as a whisker."""

    def at(value: float) -> float:
        return x + _HALF * min(max(value / end, 0.0), 1.0)

    shapes = [
        tag("rect", x=x, y=y, width=_HALF, height=_BAR, class_="track"),
        tag("rect", x=x, y=y, width=at(found.value) - x, height=_BAR, class_="bar"),
    ]
    if found.has_interval:
        middle = y + _BAR / 2
        shapes.append(tag("path", d=path([(at(found.low), middle), (at(found.high), middle)]), class_="inkwhisker"))
    return Markup("".join(shapes))
