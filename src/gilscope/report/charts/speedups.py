"""Speed-ups with most workers: a dot per way with its interval, against the ideal and what the machine gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gilscope.analysis.matrix import OPEN, outcome
from gilscope.analysis.rows import CaseRow, ControlRow, MeasuredRow
from gilscope.report.charts.marks import marker
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, panel_of, top
from gilscope.report.figures import interval
from gilscope.report.labels import MARKS, in_words
from gilscope.report.palette import executor_class
from gilscope.report.sentences.answer import limits
from gilscope.report.svg import Markup, linear, logarithmic, nice_ticks, path, tag
from gilscope.stats import Estimate

MAX_ROWS = 40  # ways in a panel; those with the highest speed-up
_LOG_FROM = 8  # workers: below, a linear axis shows the same and is read more easily
_ROW, _TOP, _BOTTOM = 34.0, 30.0, 36.0
_LEFT, _RIGHT, _END = 14.0, PANEL_WIDTH - 128.0, PANEL_WIDTH - 12.0  # of the plot, and of the texts beside it


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the answer of a kernel, or of each of the user's functions; None where nothing ran on several workers."""
    columns: dict[str, list[CaseRow]] = {}
    for cells in view.matrix.rows:
        for name, row in cells.items():
            if row.case.kernel == kernel and row.judged is not None:
                columns.setdefault(name, []).append(row)
    if not columns:
        return None
    left_out = sum(max(0, len(rows) - MAX_ROWS) for rows in columns.values())
    return Chart(
        title="Speed-up of each way",
        panels=[_panel(view, name, rows) for name, rows in columns.items()],
        note=f"The {MAX_ROWS} ways with the highest speed-up; the table has the other {left_out}." if left_out else "",
        keys=(("ideal", "ideal"), ("spin", "machine's limit, with its interval")),
    )


def _judged(row: MeasuredRow) -> Estimate:
    """Return the speed-up that decides, which only rows with one are drawn by."""
    assert row.judged is not None
    return row.judged


def _panel(view: View, name: str, rows: Sequence[CaseRow]) -> Panel:
    kept = top(rows, MAX_ROWS, lambda row: _judged(row).value)
    spin, _ = limits(view.answer, view.matrix, name)
    workers, bottom = kept[0].case.workers, _TOP + _ROW * len(kept)
    most = max(float(workers), *(_judged(row).high for row in (*kept, *([spin] if spin else []))))
    log = workers > _LOG_FROM
    least = min(1.0, *(max(_judged(row).low, 0.05) for row in kept)) if log else 0.0
    at = (logarithmic if log else linear)((least, most * 1.03), (_LEFT, _RIGHT))
    ticks = [tick for power in range(-4, 13) if least <= (tick := 2.0**power) <= most] if log else nice_ticks(most)
    shapes = [tag("path", d=path([(at(tick), _TOP), (at(tick), bottom)]), class_="grid") for tick in ticks]
    shapes += [tag("text", f"{tick:g}", x=at(tick), y=bottom + 14, class_="soft mid") for tick in ticks]
    shapes.append(tag("text", f"speed-up on {workers} workers", x=_RIGHT, y=bottom + 29, class_="soft end"))
    shapes += _limits(workers, spin, at, bottom)
    shapes += [_row(view, row, at, _TOP + _ROW * number) for number, row in enumerate(kept)]
    alt = "; ".join(f"{in_words(row)} {interval(row.judged)} {MARKS[outcome(row)].meaning}" for row in kept)
    return panel_of(name, *shapes, height=bottom + _BOTTOM, alt=f"Speed-up of {name} on {workers} workers: {alt}")


def _limits(workers: int, spin: ControlRow | None, at: Callable[[float], float], bottom: float) -> list[Markup]:
    shapes = []
    if spin is not None:
        gave = _judged(spin)
        if gave.has_interval:
            width = max(at(gave.high) - at(gave.low), 1.0)
            place = {"x": at(gave.low), "y": _TOP, "width": width, "height": bottom - _TOP}
            shapes.append(tag("rect", **place, class_="spinband"))
        line = path([(at(gave.value), _TOP), (at(gave.value), bottom)])
        shapes.append(tag("path", d=line, class_="spin", data_tip=f"machine's limit: {interval(gave)}"))
    ideal = path([(at(workers), _TOP), (at(workers), bottom)])
    return [*shapes, tag("path", d=ideal, class_="ideal", data_tip="ideal: as fast as there are workers")]


def _row(view: View, row: CaseRow, at: Callable[[float], float], y: float) -> Markup:
    found, name = _judged(row), in_words(row)
    text = f"{interval(found)} {MARKS[outcome(row)].letter}"
    whisker = tag("path", d=path([(at(found.low), y + 24), (at(found.high), y + 24)]), class_="curve")
    return tag(
        "g",
        tag("rect", x=_LEFT - 8, y=y + 1, width=PANEL_WIDTH - 12, height=_ROW - 2, class_="hit"),
        tag("path", d=path([(_LEFT, y + _ROW), (_END, y + _ROW)]), class_="grid"),
        tag("text", name, x=_LEFT, y=y + 13),
        tag("text", text, x=_END, y=y + 21, class_="end"),
        *([whisker] if found.has_interval else []),
        marker(row.case.executor, at(found.value), y + 24, style=outcome(row) == OPEN),
        class_=executor_class(row.case.executor),
        data_case=view.number(row),
    )
