"""Where the core-seconds went: a stacked bar per case, work first, 100 % being workers x wall."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from gilscope.analysis.rows import CaseRow
from gilscope.report.case_facts import WORK, time_parts
from gilscope.report.charts.model import PANEL_WIDTH, Chart, View, beside, counted_variant, row_panels, top
from gilscope.report.figures import NONE, seconds
from gilscope.report.sentences.findings import LOSS_LABELS, largest_loss
from gilscope.report.svg import Markup, tag

MAX_BARS = 60  # bars per kernel; the ways that lose most come first
_LEFT, _WIDTH, _BAR = 12.0, PANEL_WIDTH - 24.0, 16.0
_CHARACTER = 6.0
_VISIBLE = 0.002  # of a bar: less than a pixel


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the losses of a kernel: each way of each implementation, with most workers that have a CPU each."""
    rows = [row for row in view.at_most_workers(view.parallel(kernel)) if row.losses]
    if not rows:
        return None
    kept = top(rows, MAX_BARS, lambda row: _cores_s(row) * (1.0 - time_parts(row)[0].value))
    notes = ["Each way with most workers that have a CPU each; 100 % are workers x wall."]
    if len(kept) < len(rows):
        notes.append(f"The {MAX_BARS} of {len(rows)} ways that lose most.")
    if any(part.value < -_VISIBLE for row in kept for part in time_parts(row)):
        notes.append("Parts below zero (gains) are not drawn; each case lists them.")
    labels = {part.name: part.label for row in kept for part in time_parts(row) if part.value > _VISIBLE}
    return Chart(
        title="Where the time went",
        panels=row_panels(f"Core time of {kernel}", kept, partial(_bar, view), partial(_described, view)),
        note=" ".join(notes),
        keys=[(_kind(name), labels[name]) for name in (WORK, *LOSS_LABELS) if name in labels],
    )


def _kind(name: str) -> str:
    return f"loss-{name.replace('_', '-')}"


def _cores_s(row: CaseRow) -> float:
    return row.case.workers * (row.wall_s.value if row.wall_s is not None else 0.0)


def _described(view: View, row: CaseRow) -> str:
    work, *lost = time_parts(row)
    most = sorted(lost, key=lambda part: -part.value)[:2]
    parts = [f"work {100 * work.value:.0f} %", *(f"{part.label} {100 * part.value:.0f} %" for part in most)]
    return f"{counted_variant(view, row)} {', '.join(parts)}"


def _bar(view: View, row: CaseRow, y: float) -> Iterator[Markup]:
    label = counted_variant(view, row)
    yield tag("text", label, x=_LEFT, y=y + 11)
    texts, loss = [f"{seconds(_cores_s(row))} of cores"], largest_loss(row)
    if loss != NONE:
        texts.insert(0, f"{texts[0]}: {loss}")
    yield tag("text", beside(label, *texts), x=PANEL_WIDTH - 12, y=y + 11, class_="soft end")
    parts = time_parts(row)
    every = math.fsum(max(0.0, part.value) for part in parts) or 1.0
    x = _LEFT
    shapes: list[Markup] = []
    for part in parts:
        width = _WIDTH * max(0.0, part.value) / every
        if part.value > _VISIBLE:
            cost = seconds(part.value * _cores_s(row))
            tip = f"{part.label}: {part.text} of its workers' time, {cost} of cores per execution"
            kind, word = _kind(part.name), WORK if part.name == WORK else part.label  # short, so that it often fits
            place = {"x": x, "y": y + 16, "width": max(width - 1.0, 0.5), "height": _BAR}
            shapes.append(tag("rect", **place, class_=kind, data_tip=tip))
            if len(word) * _CHARACTER + 8 < width:
                shapes.append(tag("text", word, x=x + 5, y=y + 28, class_=f"inside on-{kind}"))
        x += width
    yield tag("g", *shapes, data_case=view.number(row))
