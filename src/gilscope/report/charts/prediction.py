"""How far it will scale: measured points, the predicted band and the limit over workers, both axes logarithmic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gilscope.analysis.predict.outlook import WayOutlook, outlook
from gilscope.report.charts.marks import marker
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, panel_of, top
from gilscope.report.figures import interval
from gilscope.report.palette import executor_class
from gilscope.report.sentences.predictions import BOUND_BY, UNSEEN, limit_sentence, way_title
from gilscope.report.svg import Markup, logarithmic, path, tag

MAX_PANELS = 12  # ways of a kernel; those with the lowest limit
_LEFT, _RIGHT, _TOP, _PLOT, _BOTTOM = 38.0, 16.0, 40.0, 170.0, 34.0


@dataclass(frozen=True, slots=True)
class _Axes:
    workers: float
    highest: float

    def x(self, workers: float) -> float:
        return logarithmic((1.0, self.workers), (_LEFT + 6, PANEL_WIDTH - _RIGHT - 10))(workers)

    def y(self, speedup: float) -> float:
        return logarithmic((1.0, self.highest), (_TOP + _PLOT, _TOP))(speedup)


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the outlook of a kernel; None where nothing can be predicted."""
    ways = [way for way in outlook(view.answer, kernel=kernel).cases if way.predictions]
    if not ways:
        return None
    kept = top(ways, MAX_PANELS, lambda way: -_limit(way))
    more = f" The {MAX_PANELS} of {len(ways)} ways with the lowest limit." if len(kept) < len(ways) else ""
    return Chart(
        title="How far it will scale",
        panels=[_panel(view, way) for way in kept],
        note=f"Filled marks are measured, hollow ones predicted, with their bands. {UNSEEN}.{more}",
        keys=(("ideal", "ideal"), ("spin", "limit")),
    )


def _limit(way: WayOutlook) -> float:
    return way.limit.speedup.value if way.limit is not None else math.inf


def _panel(view: View, way: WayOutlook) -> Panel:
    predictions = way.predictions or ()
    ends = [*(one.speedup.high for one in way.measured), *(one.speedup.high for one in predictions)]
    counts = [*(one.workers for one in way.measured), *(one.workers for one in predictions)]
    axes = _Axes(workers=float(max(2, *counts)), highest=max(2.0, *ends))
    row, executor = view.answer.row_of[way.case.id], way.case.executor
    points = [tag("path", d=path([(axes.x(one.workers), axes.y(one.speedup.low)),
                                  (axes.x(one.workers), axes.y(one.speedup.high))]), class_="inkwhisker")
              for one in predictions]  # fmt: skip
    points += [
        marker(executor, axes.x(one.workers), axes.y(one.speedup.value), style=1,
               data_tip=f"{one.workers} workers: at most {interval(one.speedup)}, limited by {BOUND_BY[one.bound_by]}")
        for one in predictions
    ]  # fmt: skip
    points += [
        marker(executor, axes.x(one.workers), axes.y(max(1.0, one.speedup.value)), data_case=view.number(row),
               data_tip=f"measured {interval(one.speedup)} on {one.workers} workers")
        for one in way.measured
    ]  # fmt: skip
    line = path([(axes.x(one.workers), axes.y(one.speedup.value)) for one in predictions])
    curve = tag("path", d=line, class_="curve", stroke_dasharray="5 4")
    shapes = [*_frame(way, axes), tag("g", curve, *points, class_=executor_class(executor))]
    said = limit_sentence(row, way.limit) if way.limit is not None else ""
    last = f"{interval(predictions[-1].speedup)} on {predictions[-1].workers} workers" if predictions else ""
    return panel_of(way_title(way), *shapes, height=_TOP + _PLOT + _BOTTOM, alt=f"{way_title(way)}: {last}. {said}")


def _frame(way: WayOutlook, axes: _Axes) -> list[Markup]:
    left, right, bottom = _LEFT, PANEL_WIDTH - _RIGHT, _TOP + _PLOT
    shapes = []
    for power in range(13):
        tick = 4.0**power
        if tick <= axes.highest:
            shapes.append(tag("path", d=path([(left, axes.y(tick)), (right, axes.y(tick))]), class_="grid"))
            shapes.append(tag("text", f"{tick:g}", x=left - 6, y=axes.y(tick) + 4, class_="soft end"))
        if tick <= axes.workers:
            shapes.append(tag("text", f"{tick:g}", x=axes.x(tick), y=bottom + 15, class_="soft mid"))
    shapes.append(tag("text", "workers", x=right, y=bottom + 29, class_="soft end"))
    shapes.append(tag("text", "speed-up", x=12, y=_TOP - 8, class_="soft"))
    most = min(axes.workers, axes.highest)
    ideal = path([(axes.x(1.0), axes.y(1.0)), (axes.x(most), axes.y(most))])
    shapes.append(tag("path", d=ideal, class_="ideal", data_tip="ideal: as fast as there are workers"))
    if _limit(way) <= axes.highest:
        line = path([(left, axes.y(_limit(way))), (right, axes.y(_limit(way)))])
        tip = f"limit {interval(way.limit.speedup)}" if way.limit is not None else ""
        shapes.append(tag("path", d=line, class_="spin", data_tip=tip))
    return shapes
