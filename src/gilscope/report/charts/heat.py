"""The heat map: rows implementation and executor, columns workers, each cell the speed-up over the fastest serial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.report.charts.model import Chart, Panel, View, panel_of, variant
from gilscope.report.figures import NONE, narrow
from gilscope.report.labels import workers
from gilscope.report.palette import HEAT_STEPS
from gilscope.report.svg import Markup, tag

FINDING_LABELS: Mapping[str, str] = {  # a short word for each finding whose code has no room in a cell
    "gil_bound": "GIL",
    "gil_held_in_c": "GIL in C",
    "gil_re_enabled": "GIL on",
    "memory_bound": "memory",
    "dispatch_bound": "dispatch",
    "lock_bound": "locks",
    "gil_or_lock": "GIL/lock",
    "nested_parallelism": "nested",
    "over_subscribed": "too many",
    "quota_limited": "quota",
    "smt_limited": "SMT",
    "too_noisy": "noisy",
}
_STATUS_LABELS = {"unavailable": "n/a", "wrong_result": "wrong", "failed": "failed", "timeout": "time-out"}
_SAME = 1.05  # ratios this close to 1 have the colour of 1: medians of quiet rounds scatter by as much
_LOWEST = 0.01  # slower than a hundredth needs no colour of its own
_CELL, _HEIGHT, _LABEL = 74.0, 32.0, 130.0
_PER_PANEL = 3  # columns beside the labels in one panel
_LETTERS = 12  # of a column's name

Head: TypeAlias = tuple[str, str]  # a column's name and a second line
Placed: TypeAlias = tuple[tuple[str, str, str], Head, CaseRow]  # name, variant and size of a row, a column, the case

MAX_COLUMNS = 12  # columns up to which a heat map has a row per implementation: a laptop shows them without scrolling


class HeatCell(NamedTuple):
    """One case: its number in the answer, the number to print, a word below it, and its step of the scale."""

    number: int
    text: str
    word: str
    step: str


class GridRow(NamedTuple):
    """One row: its name, and its cells by column; None where there is no case."""

    name: str
    variant: str
    size: str
    cells: Sequence[HeatCell | None]


class Grid(NamedTuple):
    """The cells of a heat map, not yet drawn; ``hint`` says what rows and columns are."""

    columns: Sequence[Head]
    lines: Sequence[GridRow]
    hint: str


class Scale(NamedTuple):
    """Steps from ``low`` over 1 to ``high``, even in the logarithm on either side."""

    low: float
    high: float

    def step(self, value: float) -> str:
        """Return the step of a ratio: ``l5`` to ``l1``, ``z``, ``u1`` to ``u5``."""
        if 1 / _SAME <= value <= _SAME:
            return "z"
        end, letter = (self.high, "u") if value > 1 else (self.low, "l")
        reach = math.log(max(value, _LOWEST)) / math.log(end)
        return f"{letter}{min(max(math.ceil(HEAT_STEPS * reach - 1e-9), 1), HEAT_STEPS)}"

    def edges(self) -> list[tuple[str, str]]:
        """Return (step, the ratio at its outer end) from slowest to fastest, for the legend."""
        below = [(f"l{n}", narrow(self.low ** (n / HEAT_STEPS))) for n in range(HEAT_STEPS, 0, -1)]
        above = [(f"u{n}", narrow(self.high ** (n / HEAT_STEPS))) for n in range(1, HEAT_STEPS + 1)]
        return [*below, ("z", "1"), *above]


def scale_of(view: View) -> Scale:
    """Return one scale for all kernels of a result, so that colours may be compared."""
    ratios = [found.value for row in view.answer.rows if (found := row.vs_fastest_serial) is not None]
    high = max([2.0, float(view.answer.surroundings.cpus.count or 2), *ratios])
    return Scale(low=min(max(min(ratios, default=0.5), _LOWEST), 0.5), high=high)


def grid(view: View, kernel: str, scale: Scale) -> Grid:
    """Lay out a kernel: a row per implementation where all its ways fit beside each other, else a row per way."""
    rows = view.rows[kernel]
    ways = list(dict.fromkeys(_way(view, row) for row in sorted(rows, key=lambda row: row.order[1:4])))
    if len(ways) <= MAX_COLUMNS:
        several = len(view.interpreters) > 1
        names = (row.interpreter if several else "" for row in rows)
        columns, heads = ways, [_way(view, row) for row in rows]
        hint = "Rows are implementations, columns executors and workers."
    else:
        names = (variant(view, row) for row in rows)
        columns = [(str(count), "") for count in sorted({row.case.workers for row in rows})]
        heads = [(str(row.case.workers), "") for row in rows]
        hint = "Rows are implementations and executors, columns workers."
    lines = [(row.case.implementation, name, row.case.size) for row, name in zip(rows, names, strict=True)]
    return _grid(view, scale, columns, zip(lines, heads, rows, strict=True), hint)


def _way(view: View, row: CaseRow) -> Head:
    return variant(view, row, interpreter=False), "" if row.case.executor == "serial" else workers(row)


def overview(view: View, scale: Scale) -> Grid:
    """Lay out a whole result: a column per kernel, each way with most workers that have a CPU each."""
    placed = []
    for kernel in view.kernels:
        for row in view.at_most_workers(view.rows[kernel]):
            count = "" if row.case.executor == "serial" else f"*{row.case.workers}"
            placed.append(((row.case.implementation, variant(view, row) + count, ""), (kernel, ""), row))
    hint = "Rows are implementations and executors with most workers that have a CPU each, columns kernels."
    return _grid(view, scale, [(kernel, "") for kernel in view.kernels], placed, hint)


def _grid(view: View, scale: Scale, columns: Sequence[Head], placed: Iterable[Placed], hint: str) -> Grid:
    lines: dict[tuple[str, str, str], dict[Head, HeatCell]] = {}
    for line, column, row in placed:
        lines.setdefault(line, {})[column] = _cell(view, row, scale)
    made = [GridRow(*line, [found.get(column) for column in columns]) for line, found in lines.items()]
    return Grid(columns, made, hint)


def _cell(view: View, row: CaseRow, scale: Scale) -> HeatCell:
    number, ratio = view.number(row), row.vs_fastest_serial
    if not is_measured(row) or ratio is None:
        return HeatCell(number=number, text=_STATUS_LABELS.get(row.status, NONE), word="", step="none")
    code = next(iter(row.codes), "")
    return HeatCell(number, narrow(ratio.value), FINDING_LABELS.get(code, code), scale.step(ratio.value))


def draw(view: View, kernel: str) -> Chart | None:
    """Draw a kernel's heat map as panels of up to three columns of cells."""
    cells = grid(view, kernel, scale_of(view))
    return Chart(
        title="Speed-up over the fastest single thread",
        panels=[_panel(kernel, cells, start) for start in range(0, len(cells.columns), _PER_PANEL)],
        note=f"Rate over that of the kernel's fastest implementation on one thread; below it what stops the case. "
        f"{cells.hint}",
    )


def _panel(kernel: str, cells: Grid, start: int) -> Panel:
    shapes = []
    for number, head in enumerate(cells.columns[start : start + _PER_PANEL]):
        x = _LABEL + (number + 0.5) * _CELL
        for y, text in zip((34, 47), head, strict=True):
            short = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
            shapes.append(tag("text", short, x=x, y=y, class_="soft mid"))
    for number, line in enumerate(cells.lines):
        shapes.append(_drawn_row(line, line.cells[start : start + _PER_PANEL], 54 + number * _HEIGHT))
    alt = f"Speed-up of {kernel} over the fastest single thread. {cells.hint}"
    return panel_of(kernel, *shapes, height=62 + _HEIGHT * len(cells.lines), alt=alt)


def _drawn_row(line: GridRow, cells: Sequence[HeatCell | None], y: float) -> Markup:
    below = tag("text", line.variant or line.size, x=12, y=y + 25, class_="soft")
    shapes = [tag("text", line.name, x=12, y=y + 13), below]
    for number, cell in enumerate(cells):
        if cell is None:
            continue
        x = _LABEL + number * _CELL
        fill, ink = ("track", "soft") if cell.step == "none" else (f"heat-{cell.step}", f"on-heat-{cell.step}")
        shapes.append(tag("rect", x=x, y=y, width=_CELL - 2, height=_HEIGHT - 2, class_=fill))
        shapes.append(tag("text", cell.text, x=x + _CELL / 2, y=y + (13 if cell.word else 19), class_=f"mid {ink}"))
        shapes.append(tag("text", cell.word, x=x + _CELL / 2, y=y + 25, class_=f"mid {ink}"))
    return tag("g", *shapes)
