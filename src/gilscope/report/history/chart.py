"""One quantity of one case over the runs: points with their intervals, levels, changes, and where the place changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from gilscope.analysis.history import CaseHistory, Change, History, Quantity, estimate_of
from gilscope.analysis.runs import Run
from gilscope.report.sentences.history import QUANTITY_NAMES, change_sentence, date, named, written
from gilscope.report.svg import Markup, linear, nice_ticks, path, tag
from gilscope.stats import Estimate

Scale: TypeAlias = Callable[[float], float]

MOST_RUNS = 200  # of a chart: the newest; more are no wider than a pixel
_WIDTH, _HEIGHT = 720.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 24.0, 22.0

CSS = """
.history .point{fill:var(--accent)}.history .whisker{stroke:var(--accent);stroke-width:1;fill:none;opacity:.6}
.history .level{stroke:var(--ink);stroke-width:1.5;fill:none}
.history .place{stroke:var(--soft);stroke-dasharray:4 3;fill:none}.history .worse{fill:var(--warn)}
.history .better{fill:var(--good)}.history text{fill:var(--ink);font-size:11px}.history .soft{fill:var(--soft)}
.history .grid{stroke:var(--grid);fill:none}.history .end{text-anchor:end}.history .t{font-weight:600}
.history{width:100%;height:auto;display:block}figure .history{min-width:32rem}
"""


def draw(found: History, case: CaseHistory, quantity: Quantity) -> Markup | None:
    """Draw one quantity; None where it was never measured."""
    first = max(0, len(found.runs) - MOST_RUNS)
    points = [
        (run, one)
        for run, figures in case.points
        if run >= first
        and (one := estimate_of(figures, quantity)) is not None
        and (quantity == "gil" or figures.workers > 1)
    ]
    if not points:
        return None
    most = max(1.0, *(one.high if one.has_interval else one.value for _, one in points))
    x = linear((first - 0.5, len(found.runs) - 0.5), (_LEFT, _WIDTH - _RIGHT))
    y = linear((0.0, most), (_HEIGHT - _BOTTOM, _TOP))
    name = QUANTITY_NAMES[quantity]
    changes = [one for one in case.changes if one.quantity == quantity and one.first >= first]
    shapes = [
        tag("title", f"{name} of {case.case} over {len(points)} runs"),
        tag("text", name, x=_LEFT, y=14, class_="t"),
        *_grid(most, y),
        *(_place(one.run, x) for one in found.breaks if one.run > first),
        *(_point(found.runs[run], one, quantity, x(run), y) for run, one in points),
        *(shape for one in changes for shape in _change(one, found, x, y)),
        tag("text", date(found.runs[first]), x=_LEFT, y=_HEIGHT - 6, class_="soft"),
        tag("text", date(found.runs[-1]), x=_WIDTH - _RIGHT, y=_HEIGHT - 6, class_="soft end"),
    ]
    return tag(
        "svg",
        *shapes,
        class_="history",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _grid(most: float, y: Scale) -> Iterator[Markup]:
    for tick in nice_ticks(most):
        yield tag("path", d=path([(_LEFT, y(tick)), (_WIDTH - _RIGHT, y(tick))]), class_="grid")
        yield tag("text", f"{tick:g}", x=_LEFT - 6, y=y(tick) + 4, class_="soft end")


def _place(run: int, x: Scale) -> Markup:
    """Draw where runs before and after cannot be compared."""
    middle = x(run - 0.5)
    return tag("path", d=path([(middle, _TOP), (middle, _HEIGHT - _BOTTOM)]), class_="place")


def _point(run: Run, one: Estimate, quantity: Quantity, x: float, y: Scale) -> Markup:
    shapes = [tag("circle", cx=x, cy=y(one.value), r=2.5, class_="point")]
    if one.has_interval:
        shapes.append(tag("path", d=path([(x, y(one.low)), (x, y(one.high))]), class_="whisker"))
    return tag("g", tag("title", f"{date(run)} {named(run)}: {written(one, quantity)}"), *shapes)


def _change(one: Change, found: History, x: Scale, y: Scale) -> Iterator[Markup]:
    """Draw both levels of a change, and a triangle that points to where it went."""
    for level, first, last in ((one.before, one.since, one.last), (one.now, one.first, one.until)):
        yield tag("path", d=path([(x(first), y(level.value)), (x(last), y(level.value))]), class_="level")
    middle, up = x(one.first - 0.5), one.now.value > one.before.value
    tip, base = (_TOP - 8, _TOP) if up else (_TOP, _TOP - 8)
    corners = [(middle - 5, base), (middle + 5, base), (middle, tip)]
    about = tag("title", change_sentence(one, found.runs))
    yield tag("g", about, tag("path", d=path(corners, closed=True), class_="worse" if one.worse else "better"))
