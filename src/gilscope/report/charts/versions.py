"""Interpreters side by side: the rate of each way under each interpreter, relative to the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.report.charts.marks import bar
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, grouped, panel_of
from gilscope.report.figures import interval, quotient
from gilscope.report.palette import executor_class
from gilscope.report.svg import linear, nice_ticks, path, tag
from gilscope.stats import Estimate

MAX_WAYS = 40  # ways per kernel, in the order of the table
_ITSELF = Estimate(value=1.0, low=1.0, high=1.0, confidence=0.0, n=0)
_LEFT, _AXIS, _LINE, _GAP = 12.0, 90.0, 17.0, 10.0


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the rates of the other interpreters over that of the first; None where there is one only."""
    if len(view.interpreters) < 2:
        return None
    ways = grouped(
        filter(is_measured, view.rows[kernel]),
        lambda row: (row.case.implementation, row.case.how, row.case.workers, row.case.size),
    )
    both = [by for rows in ways.values() if len(by := {row.interpreter: row for row in reversed(rows)}) > 1]
    if not both:
        return None
    shown = both[:MAX_WAYS]
    groups = grouped(shown, lambda by: next(iter(by.values())).case.implementation)
    cut = f" The first {MAX_WAYS} of {len(both)} ways." if len(shown) < len(both) else ""
    return Chart(
        title="Interpreters side by side",
        panels=[_panel(view, kernel, name, group) for name, group in groups.items()],
        note=f"Rates relative to the first interpreter; the intervals are the widest that both allow.{cut}",
    )


def _panel(view: View, kernel: str, name: str, ways: Sequence[Mapping[str, CaseRow]]) -> Panel:
    ratios = [_ratios(view, way) for way in ways]
    highest = max(1.0, *(ratio.high for way in ratios for _, ratio in way)) * 1.05
    at = linear((0.0, highest), (_AXIS, PANEL_WIDTH - 14.0))
    shapes, y, texts = [], 32.0, []
    for way in ratios:
        case = way[0][0].case
        label = case.how + (f"*{case.workers}" if case.executor != "serial" else "")
        shapes.append(tag("text", label, x=_LEFT, y=y + 9, class_="soft"))
        y += _LINE
        for row, ratio in way:
            bars = bar(ratio, at, _AXIS, y, 11)
            shapes.append(tag("text", row.interpreter, x=_AXIS - 6, y=y + 9, class_="end"))
            shapes.append(tag("g", *bars, class_=executor_class(case.executor), data_case=view.number(row)))
            y += _LINE
        texts.append(f"{label} " + ", ".join(f"{row.interpreter} {interval(ratio)}" for row, ratio in way))
        y += _GAP
    shapes += [tag("text", f"{tick:g}", x=at(tick), y=y + 10, class_="soft mid") for tick in nice_ticks(highest)]
    shapes.append(tag("path", d=path([(at(1.0), 28.0), (at(1.0), y - 2)]), class_="ideal"))
    alt = f"Rate of {kernel} {name} by interpreter: {'; '.join(texts)}"
    return panel_of(name, *shapes, height=y + 26, alt=alt)


def _ratios(view: View, way: Mapping[str, CaseRow]) -> list[tuple[CaseRow, Estimate]]:
    rows = [way[name] for name in view.interpreters if name in way]
    first = rows[0].rate
    assert first is not None
    others = [(row, quotient(row.rate, first)) for row in rows[1:] if row.rate is not None]
    return [(rows[0], _ITSELF), *others]
