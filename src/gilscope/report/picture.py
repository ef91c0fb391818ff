"""Charts as files of their own: SVG with its colours inside, and PNG made of that."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from gilscope.core.errors import UnavailableError, UnknownNameError, UsageError
from gilscope.core.registry import check_names
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, Panel, View, draw
from gilscope.report.charts.model import PANEL_WIDTH
from gilscope.report.palette import CHART_CSS, THEMES, resolved
from gilscope.report.svg import Markup, flowed, path, tag

PICTURES = ("svg", "png")
NAMES = (*CHARTS, *STUDY_CHARTS)

_GAP, _MARGIN, _LINE = 12.0, 20.0, 17.0
_COLUMNS = 3
_CHARACTER = 6.2  # mean width of a letter of 12 px
_PNG_SCALE = 2.0  # sharp on dense screens and in print

_Part: TypeAlias = tuple[str, Chart]  # a heading and what is below it
_AT_RULE = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


def available(view: View) -> list[str]:
    """Return the names of the charts that a result has something to draw for."""
    return [name for name in NAMES if next(_parts(view, name, ""), None) is not None]


def picture(view: View, name: str, *, kernel: str = "", theme: str = "light") -> str:
    """Return one of ``NAMES`` as a self-contained SVG, of one kernel or of all; UsageError for what is not there."""
    check_names("chart", [name], NAMES)
    check_names("theme", [theme], tuple(THEMES))
    if kernel and kernel not in view.kernels:
        raise UnknownNameError(f"no kernel {kernel!r} in this result: there are {', '.join(view.kernels)}")
    parts = list(_parts(view, name, kernel))
    if not parts:
        there = ", ".join(available(view)) or "none"
        raise UsageError(f"this result has nothing to draw as {name!r}: the charts it has are {there}")
    return _composed(parts, theme)


def _parts(view: View, name: str, kernel: str) -> Iterator[_Part]:
    for of in [kernel] if kernel else [""] if name in STUDY_CHARTS else view.kernels:
        chart = draw(name, view, of)
        if chart is not None:
            yield f"{of}: {chart.title}" if of else chart.title, chart


def _composed(parts: Sequence[_Part], theme: str) -> str:
    columns = min(_COLUMNS, max(len(chart.panels) for _, chart in parts))
    width = 2 * _MARGIN + columns * PANEL_WIDTH + (columns - 1) * _GAP
    shapes, y = [], _MARGIN
    for heading, chart in parts:
        lines = textwrap.wrap(chart.note, int((width - 2 * _MARGIN) / _CHARACTER))
        shapes.append(tag("text", heading, x=_MARGIN, y=y + 14, font_size=16, class_="t"))
        shapes += [tag("text", line, x=_MARGIN, y=y + 36 + _LINE * n, class_="soft") for n, line in enumerate(lines)]
        y += 32 + _LINE * len(lines)
        keys, height = _keys(chart, y, width)
        shapes += keys
        y += height
        for start in range(0, len(chart.panels), columns):
            row = chart.panels[start : start + columns]
            shapes += [_placed(panel, column, y) for column, panel in enumerate(row)]
            y += max(panel.height for panel in row) + _GAP
        y += _MARGIN - _GAP
    alt = "; ".join(panel.alt for _, chart in parts for panel in chart.panels[:_COLUMNS])
    drawn = tag(
        "svg",
        tag("title", parts[0][0]),
        tag("desc", alt),
        tag("style", Markup(CHART_CSS)),
        tag("rect", width=width, height=y, class_="page"),
        *shapes,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {y:g}",
        width=width,
        height=y,
        class_="chart",
    )
    return _AT_RULE.sub("", resolved(drawn, theme)) + "\n"


def _keys(chart: Chart, y: float, width: float) -> tuple[list[Markup], float]:
    """Lay out what colours and lines mean; return the shapes and their height."""
    places = flowed((48 + _CHARACTER * len(text) for _, text in chart.keys), _MARGIN, width - _MARGIN)
    shapes = []
    for (kind, text), (x, row) in zip(chart.keys, places, strict=True):
        top = y + _LINE * row
        if kind.startswith("loss-"):
            shapes.append(tag("rect", x=x + 12, y=top, width=12, height=12, class_=kind))
        else:
            shapes.append(tag("path", d=path([(x, top + 6), (x + 26, top + 6)]), class_=kind))
        shapes.append(tag("text", text, x=x + 32, y=top + 10, class_="soft"))
    return shapes, _LINE * (places[-1][1] + 1) + 6 if places else 0.0


def _placed(panel: Panel, column: int, y: float) -> Markup:
    x = _MARGIN + column * (PANEL_WIDTH + _GAP)
    return tag(
        "g",
        tag("rect", width=PANEL_WIDTH, height=panel.height, rx=8, class_="paper"),
        tag("svg", panel.svg, width=PANEL_WIDTH, height=panel.height, overflow="visible"),
        transform=f"translate({x:g} {y:g})",
    )


def as_png(svg: str) -> bytes:
    """Return a picture as PNG, two pixels for one; raise ``UnavailableError`` without vl-convert-python."""
    try:
        import vl_convert
    except ImportError:
        raise UnavailableError(
            "PNG needs vl-convert-python", "install it with: pip install 'gilscope[report]', or write --format svg"
        ) from None
    made: bytes = vl_convert.svg_to_png(svg, scale=_PNG_SCALE)
    return made
