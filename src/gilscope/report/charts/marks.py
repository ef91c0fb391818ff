"""Points and legends: a marker and a colour per executor, so that neither carries the meaning alone."""

from __future__ import annotations

from collections.abc import Sequence

from gilscope.report.charts.model import PANEL_WIDTH
from gilscope.report.palette import EXECUTOR_MARKS, executor_class
from gilscope.report.svg import Markup, path, tag

__all__ = ["dashes", "legend", "marker", "styles"]

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


def dashes(style: int) -> str | None:
    """Return the dash pattern of a curve: ways of one executor share its colour and mark."""
    return _DASHES[style % len(_DASHES)]


def styles(executors: Sequence[str]) -> list[int]:
    """Number the curves of each executor from 0."""
    return [executors[:place].count(name) for place, name in enumerate(executors)]


def legend(entries: Sequence[tuple[str, str]], top: float, left: float = 12.0) -> tuple[Markup, float]:
    """Lay out (executor, text) entries in lines.

    Returns
    -------
    markup, height : str, float
        The height includes all lines.
    """
    x, y, shapes = left, top, []
    for (executor, text), style in zip(entries, styles([name for name, _ in entries]), strict=True):
        width = 30 + _CHARACTER * len(text) + 10
        if x > left and x + width > PANEL_WIDTH:
            x, y = left, y + _LINE
        line = tag("path", d=path([(x, y + 7), (x + 22, y + 7)]), class_="curve", stroke_dasharray=dashes(style))
        mark = marker(executor, x + 11, y + 7, style=style)
        words = tag("text", text, x=x + 28, y=y + 11)
        shapes.append(tag("g", line, mark, words, class_=executor_class(executor)))
        x += width
    return Markup("".join(shapes)), y - top + _LINE if entries else 0.0
