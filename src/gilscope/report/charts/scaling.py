"""Speed-up over workers: a panel per implementation, a curve per executor with its interval as a band."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile

from gilscope.analysis.rows import CaseRow, ControlRow, MeasuredRow
from gilscope.report.charts.marks import Point, band, curve, legend, marker, styles
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, grouped, panel_of, top, variant
from gilscope.report.figures import interval, narrow
from gilscope.report.svg import Markup, linear, logarithmic, nice_ticks, path, tag
from gilscope.stats import Estimate

MAX_PANELS = 12  # panels per kernel: four rows on a laptop; more are looked for in the table
MAX_CURVES = 6  # curves per panel that eyes can follow
_LOG_FROM = 8  # workers: below, a linear axis shows the same and is read more easily
_LOWEST = 0.05  # speed-ups below have no place of their own on a logarithmic axis
_NAMED = 4  # worker counts in a tooltip
_LEFT, _RIGHT, _PLOT, _BOTTOM = 38.0, 14.0, 176.0, 34.0
_ITSELF = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """Both axes, logarithmic or not; ``top`` is where the plot begins in its panel."""

    workers: Sequence[int]
    lowest: float
    highest: float
    log: bool
    top: float = 0.0

    @property
    def bottom(self) -> float:
        return self.top + _PLOT

    def x(self, workers: float) -> float:
        ends = (_LEFT + 10, PANEL_WIDTH - _RIGHT - 12)
        return (logarithmic if self.log else linear)((1.0, float(max(self.workers[-1], 2))), ends)(workers)

    def y(self, speedup: float) -> float:
        ends = (self.bottom, self.top)
        if self.log:
            return logarithmic((self.lowest, self.highest * 1.08), ends)(speedup)
        return linear((0.0, self.highest * 1.05), ends)(speedup)

    def points(self, gains: Iterable[tuple[int, tuple[float, float, float]]]) -> list[Point]:
        """Return where (workers, (speed-up, low, high)) are drawn."""
        return [(self.x(workers), self.y(value), self.y(low), self.y(high)) for workers, (value, low, high) in gains]


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the curves of a kernel; None where nothing ran on several workers."""
    rows = view.parallel(kernel)
    several = len(view.interpreters) > 1
    panels = grouped(
        rows, lambda row: f"{row.case.implementation} at {row.case.size}" + (f", {row.interpreter}" if several else "")
    )
    if not any(row.case.workers > 1 for row in rows):
        return None
    kept = top(panels, MAX_PANELS, lambda title: max(row.rate.value if row.rate else 0.0 for row in panels[title]))
    left_out = len(panels) - len(kept)
    spins = [row for row in view.answer.controls_of(kernel, "spin") if row.judged is not None]
    rule = f"The {MAX_PANELS} implementations with the highest rate; the table has the other {left_out}."
    return Chart(
        title="Scaling",
        panels=[_panel(view, kernel, title, panels[title], _axes(rows, spins), spins) for title in kept],
        note=rule if left_out else "",
        keys=(("ideal", "ideal"), ("spin", "machine's limit, with its interval")),
    )


def _panel(
    view: View, kernel: str, title: str, rows: Sequence[CaseRow], axes: _Axes, spins: Sequence[ControlRow]
) -> Panel:
    curves = grouped(rows, lambda row: variant(view, row, interpreter=False))
    best = top(curves, MAX_CURVES, lambda name: max(_gain(row).value for row in curves[name]))
    drawn = {name: sorted(curves[name], key=lambda row: row.case.workers) for name in best}
    label = title if len(drawn) == len(curves) else f"{title} ({len(drawn)} of {len(curves)} ways)"
    executors = [found[0].case.executor for found in drawn.values()]
    keys, height = legend(list(zip(executors, drawn, strict=True)), 26)
    axes = replace(axes, top=50 + height)
    own = [spin for spin in spins if spin.interpreter == rows[0].interpreter]
    shapes = [
        keys,
        *_frame(axes, view.answer.surroundings.cpus.count),
        *_control(own or spins, axes),
        *(_curve(view, found, axes, style) for found, style in zip(drawn.values(), styles(executors), strict=True)),
    ]
    last = {way: found[-1] for way, found in drawn.items()}
    ends = (f"{way} {narrow(_gain(row).value)} on {row.case.workers} workers" for way, row in last.items())
    alt = f"Speed-up of {kernel} {title} over workers: {', '.join(ends)}"
    return panel_of(label, *shapes, height=axes.bottom + _BOTTOM, alt=alt)


def _axes(rows: Sequence[CaseRow], spins: Sequence[ControlRow]) -> _Axes:
    """Span what the whole kernel has, so that its panels may be compared."""
    workers = sorted({1, *(row.case.workers for row in (*rows, *spins))})
    points = [_ends(row) for row in (*rows, *spins)]
    return _Axes(
        workers=workers,
        highest=max(float(workers[-1]), *(high for _, _, high in points)),
        lowest=max(min(1.0, *(low for _, low, _ in points)), _LOWEST),
        log=workers[-1] > _LOG_FROM,
    )


def _frame(axes: _Axes, cpus: int | None) -> list[Markup]:
    left, right = _LEFT, PANEL_WIDTH - _RIGHT
    ticks, shapes = nice_ticks(axes.highest), []
    if axes.log:
        powers = takewhile(lambda power: power <= axes.highest, (0.25 * 2**step for step in count()))
        ticks = [power for power in powers if axes.y(power) < axes.bottom + 0.5][-8:]
    for tick in ticks:
        y = axes.y(tick)
        shapes.append(tag("path", d=path([(left, y), (right, y)]), class_="grid"))
        shapes.append(tag("text", f"{tick:g}", x=left - 6, y=y + 4, class_="soft end"))
    shown = [count for count in axes.workers if len(axes.workers) <= 9 or count & (count - 1) == 0]
    shapes += [tag("text", str(count), x=axes.x(count), y=axes.bottom + 15, class_="soft mid") for count in shown]
    shapes.append(tag("text", "workers", x=right, y=axes.bottom + 29, class_="soft end"))
    shapes.append(tag("text", "speed-up", x=12, y=axes.top - 10, class_="soft"))
    shapes.append(tag("path", d=path([(left, axes.bottom), (right, axes.bottom)]), class_="axis"))
    ideal = [(axes.x(count), axes.y(count)) for count in (1, axes.workers[-1])]
    shapes.append(tag("path", d=path(ideal), class_="ideal", data_tip="ideal: as fast as there are workers"))
    if cpus is not None and 1 < cpus < axes.workers[-1]:
        x = axes.x(cpus)
        shapes.append(tag("path", d=path([(x, axes.top), (x, axes.bottom)]), class_="grid"))
        shapes.append(tag("text", f"{cpus} CPUs", x=x - 4, y=axes.top + 8, class_="soft end"))
    return shapes


def _control(spins: Sequence[ControlRow], axes: _Axes) -> list[Markup]:
    """Draw what the machine gave to arithmetic without a lock in the same seconds."""
    several = [row for row in spins if row.case.workers > 1]
    if not several:
        return []
    gave = ", ".join(f"{interval(row.judged)} on {row.case.workers}" for row in several[-_NAMED:])
    points = axes.points([(1, _ITSELF), *((row.case.workers, _ends(row)) for row in several)])
    line = path([(x, y) for x, y, _, _ in points])
    tip = f"machine's limit: {gave}"
    return [band(points, "spinband"), tag("path", d=line, class_="spin", data_tip=tip)]


def _gain(row: MeasuredRow) -> Estimate:
    """Return the speed-up that decides, which only rows with one are drawn by."""
    assert row.judged is not None
    return row.judged


def _ends(row: MeasuredRow) -> tuple[float, float, float]:
    gain = _gain(row)
    return (gain.value, gain.low, gain.high) if gain.has_interval else (gain.value,) * 3


def _curve(view: View, rows: Sequence[CaseRow], axes: _Axes, style: int) -> Markup:
    """Draw one way to run; where one worker was not measured it starts at T(1), which is 1."""
    points = axes.points((row.case.workers, _ends(row)) for row in rows)
    start = [] if rows[0].case.workers == 1 else axes.points([(1, _ITSELF)])
    executor, placed = rows[0].case.executor, zip(rows, points, strict=True)
    marks = [marker(executor, x, y, style=style, data_case=view.number(row)) for row, (x, y, _, _) in placed]
    return curve(executor, style, [*start, *points], marks)
