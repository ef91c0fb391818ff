"""The heat map: ways to run down, kernels or workers across, coloured by efficiency; speed-ups and rates are text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gilscope.analysis.matrix import OPEN, outcome
from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.report.charts.model import Chart, Panel, View, panel_of, variant
from gilscope.report.figures import NONE, interval, narrow, per_second, sized
from gilscope.report.labels import MARKS, in_words, workers
from gilscope.report.svg import Markup, tag

_EDGES = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.05)  # one worker of two is in the middle of a step
_STEPS = ("l5", "l4", "l3", "l2", "l1", "u1", "u2", "u3", "u4")  # blue from about 0.8, which counts as acceptable
_STATUS_LABELS = {"unavailable": "n/a", "wrong_result": "wrong", "failed": "failed", "timeout": "time-out"}
_CELL, _HEIGHT, _LABEL = 74.0, 32.0, 138.0
_PER_PANEL = 3  # columns beside the labels in one panel
_LETTERS = 12  # of a column's name


class HeatCell(NamedTuple):
    """One case: its number in the answer, its speed-up with its mark, the interval, the rate, the memory if known, its
    step, and whether it is among the fastest of its column."""

    number: int
    text: str
    interval: str
    rate: str
    memory: str
    step: str
    best: bool


class GridRow(NamedTuple):
    """One row: its name, and its cells by column; None where there is no case."""

    name: str
    size: str
    cells: Sequence[HeatCell | None]


class Grid(NamedTuple):
    """The cells of a heat map, not yet drawn."""

    columns: Sequence[str]
    lines: Sequence[GridRow]


def step_of(row: CaseRow) -> str:
    """Return the step of a case's efficiency: ``l5`` to ``u4``; ``open`` where nothing is certain, ``none`` without."""
    if not is_measured(row) or row.judged is None:
        return "none"
    return "open" if outcome(row) == OPEN else _STEPS[bisect_right(_EDGES, row.judged.value / row.case.workers)]


def steps() -> list[tuple[str, str]]:
    """Return (step, the efficiency in its middle), for the legend."""
    texts = ["30 %", *(f"{100 * edge + 5:.0f}" for edge in _EDGES[:-1]), "> 105 %"]
    return list(zip(_STEPS, texts, strict=True))


def matrix_grid(view: View) -> Grid:
    """Lay out the answer: a row per way to run, a column per kernel, or per function of the user's."""
    lines = [
        GridRow(
            in_words(next(iter(cells.values()))), "", [_cell(view, cells.get(name)) for name in view.matrix.columns]
        )
        for cells in view.matrix.rows
    ]
    return Grid(view.matrix.columns, lines)


def grid(view: View, kernel: str) -> Grid:
    """Lay out a kernel with all its worker counts, those on more than the usable CPUs included."""
    rows = [row for row in view.rows[kernel] if row.case.executor != "serial"]
    counts = {row.case.workers: workers(row) for row in sorted(rows, key=lambda row: row.case.workers)}
    lines: dict[tuple[str, str], dict[int, CaseRow]] = {}
    for row in rows:
        lines.setdefault((f"{row.case.implementation} {variant(view, row)}", row.case.size), {})[row.case.workers] = row
    made = [GridRow(*line, [_cell(view, found.get(count)) for count in counts]) for line, found in lines.items()]
    return Grid(list(counts.values()), made)


def _cell(view: View, row: CaseRow | None) -> HeatCell | None:
    if row is None:
        return None
    number, step = view.number(row), step_of(row)
    if row.judged is None or step == "none":
        return HeatCell(number, _STATUS_LABELS.get(row.status, NONE), "", "", "", "none", best=False)
    rate = per_second(row.rate) if row.rate is not None else ""
    memory = sized(row.pss_bytes) if row.pss_bytes is not None else ""
    text = f"{narrow(row.judged.value)} {MARKS[outcome(row)].letter}"
    _, _, ends = interval(row.judged).partition(" ")
    return HeatCell(number, text, ends, rate, memory, step, best=row.case in view.fastest)


def draw(view: View, kernel: str) -> Chart | None:
    """Draw a kernel's heat map as panels of up to three columns of cells; None where nothing ran on workers."""
    cells = grid(view, kernel)
    if not cells.lines:
        return None
    return Chart(
        title="Speed-up by workers",
        panels=[_panel(kernel, cells, start) for start in range(0, len(cells.columns), _PER_PANEL)],
        note="Speed-up, what decides about it, and the rate; coloured by efficiency, the speed-up over the workers.",
    )


def _panel(kernel: str, cells: Grid, start: int) -> Panel:
    heads: Iterable[str] = cells.columns[start : start + _PER_PANEL]
    shapes = [
        tag("text", _short(head), x=_LABEL + (number + 0.5) * _CELL, y=42, class_="soft mid")
        for number, head in enumerate(heads)
    ]
    for number, line in enumerate(cells.lines):
        shapes.append(_drawn_row(line, line.cells[start : start + _PER_PANEL], 50 + number * _HEIGHT))
    alt = f"Speed-up of {kernel} by workers, coloured by efficiency"
    return panel_of(kernel, *shapes, height=58 + _HEIGHT * len(cells.lines), alt=alt)


def _short(text: str, letters: int = _LETTERS) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"


def _drawn_row(line: GridRow, cells: Sequence[HeatCell | None], y: float) -> Markup:
    below = tag("text", line.size, x=12, y=y + 25, class_="soft")
    shapes = [tag("text", _short(line.name, 20), x=12, y=y + 13), below]
    for number, cell in enumerate(cells):
        if cell is None:
            continue
        x = _LABEL + number * _CELL
        plain = cell.step in ("none", "open")
        fill, ink = ("track", "soft") if plain else (f"heat-{cell.step}", f"on-heat-{cell.step}")
        shapes.append(tag("rect", x=x, y=y, width=_CELL - 2, height=_HEIGHT - 2, class_=fill))
        shapes.append(tag("text", cell.text, x=x + _CELL / 2, y=y + (13 if cell.rate else 19), class_=f"mid {ink}"))
        shapes.append(tag("text", _short(cell.rate), x=x + _CELL / 2, y=y + 25, class_=f"mid {ink}"))
    return tag("g", *shapes)
