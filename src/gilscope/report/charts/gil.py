"""How long the GIL was held and how many threads waited for it, as the probe saw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, beside, panel_of, variant
from gilscope.report.facts import Row, measured
from gilscope.report.figures import has_interval, interval, percent
from gilscope.report.palette import executor_class
from gilscope.report.svg import Markup, path, tag

__all__ = ["MAX_ROWS", "draw"]

MAX_ROWS = 60
"""Cases per kernel; those that wait most come first."""

_LEFT, _ROW, _BAR = 12.0, 40.0, 12.0
_HALF = (PANEL_WIDTH - 24.0 - 16.0) / 2


def draw(view: View, kernel: str) -> Chart | None:
    """Draw what the probe saw of each way that it could watch, with most workers that have a CPU each."""
    seen = [row for row in measured(view.rows[kernel]) if row["gil"]["available"] and row["gil"]["held"]]
    rows = [row for row in view.at_most_workers(seen) if row["workers"] > 1]
    if not rows:
        return None
    shown = rows if len(rows) <= MAX_ROWS else sorted(rows, key=_waiting, reverse=True)[:MAX_ROWS]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row in shown:
            groups.setdefault(row["implementation"], []).append(row)
    most = max(max(row["workers"] - 1, 1) for row in rows)
    left_out = f"The {MAX_ROWS} of {len(rows)} ways that wait most. " if len(shown) < len(rows) else ""
    return Chart(
        title="The GIL",
        panels=[_panel(view, kernel, name, group, most) for name, group in groups.items()],
        note=left_out + "Left the share of time during which a thread held it, right how many threads waited for it "
        f"on average (the bar's end is {most}). Seen in diagnostic rounds, never in timed ones.",
    )


def _waiting(row: Row) -> float:
    return float(row["gil"]["waiting"]["value"]) if row["gil"]["waiting"] else 0.0


def _panel(view: View, kernel: str, name: str, rows: Sequence[Row], most: int) -> Panel:
    shapes = [tag("text", name, x=_LEFT, y=17, class_="t")]
    for number, row in enumerate(rows):
        shapes.extend(_row(view, row, 30 + number * _ROW, most))
    told = "; ".join(
        f"{variant(view, row)}*{row['workers']} held {percent(row['gil']['held'])}, "
        f"waiting {interval(row['gil']['waiting'])}"
        for row in rows
    )
    return panel_of(*shapes, height=34 + _ROW * len(rows), alt=f"GIL of {kernel} {name}: {told}")


def _row(view: View, row: Row, top: float, most: int) -> Iterator[Markup]:
    gil, label = row["gil"], f"{variant(view, row)}*{row['workers']}"
    held = f"held {percent(gil['held'])}"
    told = f"{held}, {gil['waiting']['value']:.2f} waiting" if gil["waiting"] else held
    yield tag("text", label, x=_LEFT, y=top + 11)
    yield tag("text", beside(label, told, held), x=PANEL_WIDTH - 12, y=top + 11, class_="soft end")
    bars = [_bar(gil["held"], 1.0, _LEFT, top + 17)]
    if gil["waiting"]:
        bars.append(_bar(gil["waiting"], float(most), _LEFT + _HALF + 16, top + 17))
    yield tag("g", *bars, class_=executor_class(row["executor"]), data_case=view.index[row["case"]])


def _bar(estimate: Mapping[str, Any], top: float, x: float, y: float) -> Markup:
    """Draw a value on a track that ends at ``top``, with its interval as a whisker."""

    def at(value: float) -> float:
        return x + _HALF * min(max(value / top, 0.0), 1.0)

    shapes = [
        tag("rect", x=x, y=y, width=_HALF, height=_BAR, class_="track"),
        tag("rect", x=x, y=y, width=at(estimate["value"]) - x, height=_BAR, class_="bar"),
    ]
    if has_interval(estimate):
        middle = y + _BAR / 2
        low, high = at(estimate["low"]), at(estimate["high"])
        shapes.append(tag("path", d=path([(low, middle), (high, middle)]), class_="inkwhisker"))
    return Markup("".join(shapes))
