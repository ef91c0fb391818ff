"""Where the core-seconds went: a stacked bar per case, work first, 100 % being workers x wall."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from gilscope.report import reasons
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, beside, panel_of, variant
from gilscope.report.facts import Row
from gilscope.report.figures import percent, seconds
from gilscope.report.svg import Markup, tag

__all__ = ["MAX_BARS", "draw", "parts"]

MAX_BARS = 60
"""Bars per kernel; the ways that lose most come first."""

_LEFT, _WIDTH = 12.0, PANEL_WIDTH - 24.0
_ROW, _BAR = 40.0, 16.0
_CHARACTER = 6.0
_VISIBLE = 0.002  # of a bar: less than a pixel


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the losses of a kernel: each way of each implementation, with most workers that have a CPU each."""
    rows = [row for row in view.at_most_workers(view.parallel(kernel)) if row["losses"]]
    if not rows:
        return None
    shown = rows if len(rows) <= MAX_BARS else sorted(rows, key=_lost, reverse=True)[:MAX_BARS]
    kept = [row for row in rows if row in shown]
    groups: dict[str, list[Row]] = {}
    for row in kept:
        groups.setdefault(row["implementation"], []).append(row)
    notes = ["Each way with most workers that have a CPU each; 100 % are workers x wall."]
    if len(kept) < len(rows):
        notes.append(f"The {MAX_BARS} of {len(rows)} ways that lose most.")
    if any(value < -_VISIBLE for row in kept for _, value in parts(row)):
        notes.append("Parts below zero (gains) are not drawn; the case tells them.")
    return Chart(
        title="Where the time went",
        panels=[_panel(view, kernel, name, group) for name, group in groups.items()],
        note=" ".join(notes),
        keys=[(_kind(name), "work of T(1)" if name == "work" else reasons.LOSS_WORDS[name]) for name in _present(kept)],
    )


def _present(rows: Sequence[Row]) -> list[str]:
    """Return the parts that are large enough to be drawn somewhere, in their order."""
    names = [name for row in rows for name, value in parts(row) if value > _VISIBLE]
    return [name for name in ("work", *reasons.LOSS_WORDS) if name in names]


def _kind(name: str) -> str:
    return f"loss-{name.replace('_', '-')}"


def parts(row: Row) -> list[tuple[str, float]]:
    """Return work and losses of a case as fractions of workers x wall; they add up to 1."""
    known = {name: loss["value"] for name, loss in row["losses"].items() if loss}
    return [("work", 1.0 - math.fsum(known.values())), *known.items()]


def _lost(row: Row) -> float:
    """Return the core-seconds lost per execution."""
    wall = row["wall_s"]["value"] if row["wall_s"] else 0.0
    return float(row["workers"] * wall * (1.0 - parts(row)[0][1]))


def _panel(view: View, kernel: str, name: str, rows: Sequence[Row]) -> Panel:
    shapes = [tag("text", name, x=_LEFT, y=17, class_="t")]
    for number, row in enumerate(rows):
        shapes.extend(_bar(view, row, 30 + number * _ROW))
    return panel_of(*shapes, height=34 + _ROW * len(rows), alt=_alt(view, kernel, name, rows))


def _bar(view: View, row: Row, top: float) -> Iterator[Markup]:
    total = row["workers"] * row["wall_s"]["value"]
    label = f"{variant(view, row)}*{row['workers']}"
    yield tag("text", label, x=_LEFT, y=top + 11)
    lost = reasons.lost_most(row)
    whole = f"{seconds(total)} of cores"
    told = f"{whole}: {reasons.LOSS_WORDS[lost[0]]} {percent(lost[1])}" if lost else whole
    yield tag("text", beside(label, told, whole), x=PANEL_WIDTH - 12, y=top + 11, class_="soft end")
    drawn = [(name, max(0.0, value)) for name, value in parts(row)]
    every = math.fsum(value for _, value in drawn) or 1.0
    x = _LEFT
    shapes: list[Markup] = []
    for name, value in drawn:
        width = _WIDTH * value / every
        if value > _VISIBLE:
            shapes.extend(_segment(name, x, top + 16, width))
        x += width
    yield tag("g", *shapes, data_case=view.index[row["case"]])


def _segment(name: str, x: float, y: float, width: float) -> Iterator[Markup]:
    word, kind = "work" if name == "work" else reasons.LOSS_WORDS[name], _kind(name)
    yield tag("rect", x=x, y=y, width=max(width - 1.0, 0.5), height=_BAR, class_=kind, data_loss=name)
    if len(word) * _CHARACTER + 8 < width:
        yield tag("text", word, x=x + 5, y=y + 12, class_=f"inside on-{kind}")


def _alt(view: View, kernel: str, name: str, rows: Sequence[Row]) -> str:
    told = []
    for row in rows:
        most: Mapping[str, float] = dict(sorted(parts(row)[1:], key=lambda part: -part[1])[:2])
        words = ", ".join(f"{reasons.LOSS_WORDS[loss]} {100 * value:.0f} %" for loss, value in most.items())
        told.append(f"{variant(view, row)}*{row['workers']} work {100 * parts(row)[0][1]:.0f} %, {words}")
    return f"Core time of {kernel} {name}: {'; '.join(told)}"
