"""Speed-up stacks: per way a bar for each worker count, from the speed-up it reached to p, one colour a cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gilscope.analysis.factors import FACTORS
from gilscope.analysis.rows import CaseRow
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, grouped, panel_of, top, variant
from gilscope.report.figures import narrow
from gilscope.report.sentences.factors import FACTOR_LABELS, factor_sentence
from gilscope.report.svg import Markup, linear, nice_ticks, path, tag

MAX_PANELS = 12  # ways of a kernel; those that lose most
_COLOURS = {
    "interference": "stolen",
    "gil": "gil-wait",
    "locks": "blocked",
    "dispatch": "dispatch",
    "balance": "imbalance",
    "machine": "run-queue",
    "memory": "omp-idle",
    "computation": "inflation",
}
_LEFT, _RIGHT, _TOP, _PLOT, _BOTTOM = 38.0, 14.0, 40.0, 150.0, 34.0
_WIDEST, _VISIBLE = 46.0, 0.005  # pixels of a bar; share of p below which a part is not seen


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the stacks of a kernel; None where no case has factors."""
    rows = [row for row in view.parallel(kernel) if row.factors is not None and row.case.workers > 1]
    if not rows:
        return None
    ways = grouped(rows, lambda row: f"{row.case.implementation}, {variant(view, row)}")
    kept = top(ways, MAX_PANELS, lambda name: max(1.0 - _reached(row) / row.case.workers for row in ways[name]))
    used = {name for row in rows for name, _, _ in _parts(row)}
    notes = ["The bar of p workers ends at p; what is missing from the speed-up is split by cause."]
    if len(kept) < len(ways):
        notes.append(f"The {MAX_PANELS} of {len(ways)} ways that lose most.")
    if any(one.value > 1.0 + _VISIBLE for row in rows if row.factors for one in row.factors.known.values()):
        notes.append("Factors above 1 (gains) are not drawn; each case lists them.")
    return Chart(
        title="Speed-up stacks",
        panels=[_panel(view, name, sorted(ways[name], key=lambda row: row.case.workers)) for name in kept],
        note=" ".join(notes),
        keys=[("loss-work", "speed-up"), *((f"loss-{_COLOURS[n]}", FACTOR_LABELS[n]) for n in FACTORS if n in used)],
    )


def _reached(row: CaseRow) -> float:
    return row.speedup.value if row.speedup is not None else 0.0


def _parts(row: CaseRow) -> Iterator[tuple[str, float, float]]:
    """Yield (cause, from, to) of the stack from p downwards."""
    level = float(row.case.workers)
    for name, found in (row.factors.known if row.factors is not None else {}).items():
        below = level * found.value
        if level - below > _VISIBLE * row.case.workers:
            yield name, below, level
        level = below


def _panel(view: View, name: str, rows: Sequence[CaseRow]) -> Panel:
    most = float(rows[-1].case.workers)
    y = linear((0.0, most), (_TOP + _PLOT, _TOP))
    shapes = []
    for tick in nice_ticks(most):
        shapes.append(tag("path", d=path([(_LEFT, y(tick)), (PANEL_WIDTH - _RIGHT, y(tick))]), class_="grid"))
        shapes.append(tag("text", f"{tick:g}", x=_LEFT - 6, y=y(tick) + 4, class_="soft end"))
    each = (PANEL_WIDTH - _LEFT - _RIGHT) / len(rows)
    for at, row in enumerate(rows):
        shapes.append(_bar(view, row, _LEFT + (at + 0.5) * each, min(_WIDEST, 0.7 * each), most))
    shapes.append(tag("text", "workers", x=PANEL_WIDTH - _RIGHT, y=_TOP + _PLOT + 29, class_="soft end"))
    shapes.append(tag("text", "speed-up", x=12, y=_TOP - 8, class_="soft"))
    alt = "; ".join(f"{narrow(_reached(row))} on {row.case.workers} workers: {factor_sentence(row)}" for row in rows)
    return panel_of(name, *shapes, height=_TOP + _PLOT + _BOTTOM, alt=f"Speed-up stack of {name}: {alt}")


def _bar(view: View, row: CaseRow, middle: float, width: float, most: float) -> Markup:
    y, left = linear((0.0, most), (_TOP + _PLOT, _TOP)), middle - width / 2.0
    reached = min(_reached(row), float(row.case.workers))

    def part(kind: str, low: float, high: float, tip: str) -> Markup:
        place = {"x": left, "y": y(high), "width": width, "height": max(0.5, y(low) - y(high) - 0.5)}
        return tag("rect", **place, class_=f"loss-{kind}", data_tip=tip)

    shapes = [part("work", 0.0, reached, f"speed-up {narrow(_reached(row))} of {row.case.workers}")]
    for name, low, high in _parts(row):
        known = row.factors.known[name].value if row.factors is not None else 1.0
        tip = f"{FACTOR_LABELS[name]}: factor {known:.2f}, {narrow(high - low)} of {row.case.workers} workers"
        shapes.append(part(_COLOURS[name], low, high, tip))
    label = tag("text", str(row.case.workers), x=middle, y=_TOP + _PLOT + 15, class_="soft mid")
    return tag("g", *shapes, label, data_case=view.number(row))
