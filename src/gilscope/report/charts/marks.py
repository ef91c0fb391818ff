"""Marks, curves, bars and legends: a marker and a colour per executor, so that neither carries the meaning alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from gilscope.report.charts.model import PANEL_WIDTH
from gilscope.report.palette import EXECUTOR_MARKS, executor_class
from gilscope.report.svg import Markup, flowed, path, tag
from gilscope.stats import Estimate

Point: TypeAlias = tuple[float, float, float, float]  # x, y, and the low and high end of y's interval
_CHARACTER = 6.1  # mean width of a letter at 11 px
_LINE = 16.0
_DASHES = (None, "6 3", "2 3", "8 3 2 3")
_SHAPES = {  # in units of the radius
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    "down": ((0, 1.2), (1.1, -0.9), (-1.1, -0.9)),
    "diamond": ((0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)),
    "cross": (
        (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4),
        (0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4),
    ),
}  # fmt: skip


def marker(executor: str, x: float, y: float, radius: float = 4.0, *, style: int = 0, **more: str | float) -> Markup:
    """Return the mark of an executor at a place; ``style`` 0 is filled, others are hollow."""
    shape = EXECUTOR_MARKS.get(executor, EXECUTOR_MARKS["other"])
    kind = "dot hollow" if style else "dot"
    if shape == "circle":
        return tag("circle", cx=x, cy=y, r=radius, class_=kind, **more)
    corners = [(x + radius * dx, y + radius * dy) for dx, dy in _SHAPES[shape]]
    return tag("path", d=path(corners, closed=True), class_=kind, **more)


def styles(executors: Sequence[str]) -> list[int]:
    """Number the curves of each executor from 0: they share its colour and mark and differ in their dashes."""
    return [executors[:place].count(name) for place, name in enumerate(executors)]


def _line(points: Sequence[tuple[float, float]], style: int) -> Markup:
    return tag("path", d=path(points), class_="curve", stroke_dasharray=_DASHES[style % len(_DASHES)])


def band(points: Sequence[Point], kind: str) -> Markup:
    """Return the area between the ends of the intervals of a curve."""
    above, below = [(x, high) for x, _, _, high in points], [(x, low) for x, _, low, _ in reversed(points)]
    return tag("path", d=path([*above, *below], closed=True), class_=kind)


def curve(executor: str, style: int, points: Sequence[Point], marks: Sequence[Markup]) -> Markup:
    """Return a curve with its band below and its marks above."""
    below = [band(points, "band")] if len(points) > 1 else []
    line = _line([(x, y) for x, y, _, _ in points], style)
    return tag("g", *below, line, *marks, class_=executor_class(executor))


def bar(found: Estimate, at: Callable[[float], float], left: float, y: float, height: float) -> list[Markup]:
    """Return a horizontal bar that starts at ``left``, and its interval as a whisker."""
    width = max(at(found.value) - left, 0.5) if found.value else 0.0
    shapes = [tag("rect", x=left, y=y, width=width, height=height, class_="bar")]
    if found.has_interval:
        middle = y + height / 2
        shapes.append(tag("path", d=path([(at(found.low), middle), (at(found.high), middle)]), class_="inkwhisker"))
    return shapes


def legend(entries: Sequence[tuple[str, str]], top: float) -> tuple[Markup, float]:
    """Lay out (executor, text) entries in lines; return the markup and its height."""
    places = flowed((40 + _CHARACTER * len(text) for _, text in entries), 12.0, PANEL_WIDTH)
    numbers, shapes = styles([executor for executor, _ in entries]), []
    for (executor, text), style, (x, row) in zip(entries, numbers, places, strict=True):
        y = top + _LINE * row
        mark = marker(executor, x + 11, y + 7, style=style)
        label = tag("text", text, x=x + 28, y=y + 11)
        line = _line([(x, y + 7), (x + 22, y + 7)], style)
        shapes.append(tag("g", line, mark, label, class_=executor_class(executor)))
    return Markup("".join(shapes)), _LINE * (places[-1][1] + 1) if entries else 0.0
