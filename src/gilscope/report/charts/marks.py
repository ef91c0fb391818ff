"""Points and legends: a marker and a colour per executor, so that neither carries the meaning alone."""

from __future__ import annotations

from collections.abc import Sequence

from gilscope.report.charts.model import PANEL_WIDTH
from gilscope.report.palette import EXECUTOR_MARKS, executor_class
from gilscope.report.svg import Markup, path, tag

__all__ = ["legend", "marker"]

_CHARACTER = 6.1  # mean width of a letter at 11 px
_LINE = 16.0
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


def marker(executor: str, x: float, y: float, radius: float = 4.0, **attributes: str | float | None) -> Markup:
    """Return the mark of an executor at a place."""
    shape = EXECUTOR_MARKS.get(executor, EXECUTOR_MARKS["other"])
    if shape == "circle":
        return tag("circle", cx=x, cy=y, r=radius, class_="dot", **attributes)
    corners = [(x + radius * dx, y + radius * dy) for dx, dy in _SHAPES[shape]]
    return tag("path", d=path(corners, closed=True), class_="dot", **attributes)


def legend(entries: Sequence[tuple[str, str]], top: float, left: float = 12.0) -> tuple[Markup, float]:
    """Lay out (executor, text) entries in lines.

    Returns
    -------
    markup, height : str, float
        The height includes all lines.
    """
    x, y, shapes = left, top, []
    for executor, text in entries:
        width = 16 + _CHARACTER * len(text) + 10
        if x > left and x + width > PANEL_WIDTH:
            x, y = left, y + _LINE
        shapes.append(
            tag(
                "g",
                marker(executor, x + 5, y + 7),
                tag("text", text, x=x + 14, y=y + 11),
                class_=executor_class(executor),
            )
        )
        x += width
    return Markup("".join(shapes)), y - top + _LINE if entries else 0.0
