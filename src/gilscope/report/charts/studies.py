"""Charts of the studies beside a result: METG, what moving data costs, what workers cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gilscope.report.charts.marks import Point, bar, curve, legend, marker, styles
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, grouped, panel_of
from gilscope.report.figures import counted, points, seconds, si
from gilscope.report.palette import EXECUTOR_MARKS, executor_class
from gilscope.report.studies import ends, span
from gilscope.report.svg import Markup, linear, logarithmic, path, tag
from gilscope.studies.document import StudyRow
from gilscope.studies.ipc_rows import IpcDocument, JobRow, Stage, TransferRow
from gilscope.studies.metg import MetgDocument, MetgRow
from gilscope.studies.startup import StartupDocument, StartupRow

MAX_CURVES = 6  # curves per panel that eyes can follow
MAX_PANELS = 12  # panels per study; the study's own command prints all


class _Curve(NamedTuple):
    row: StudyRow
    key: str  # its text in the legend
    points: list[Point]


_LEFT, _RIGHT, _PLOT = 46.0, 14.0, 170.0
_ENDS = (_LEFT, PANEL_WIDTH - _RIGHT)
_HALF = 0.5  # METG is defined where half of the time is work
_STAGE_CLASSES: dict[Stage, str] = {
    "pickle": "run-queue",
    "start": "stolen",
    "import": "omp-idle",
    "transfer": "dispatch",
    "unpickle": "imbalance",
    "compute": "work",
    "return": "blocked",
    "tear_down": "residual",
}
_MARKS = tuple(name for name in EXECUTOR_MARKS if name not in ("other", "serial"))


def metg(view: View, kernel: str = "") -> Chart | None:
    """Draw efficiency over the length of a task, and where each way reaches half."""
    document = view.studies.get("metg")
    rows = document.rows if isinstance(document, MetgDocument) else ()
    groups = grouped((row for row in rows if any(_efficiencies(row))), _metg_title)
    if not groups:
        return None
    panels = []
    for title, group in groups.items():
        curves = [_Curve(row, _metg_key(row), list(_efficiencies(row))) for row in group]
        panels += _curve_panels(title, curves, efficiency=True)
    return Chart(
        title="Smallest useful task (METG)",
        panels=panels[:MAX_PANELS],
        note="Efficiency over the time of a task by itself. Beside each name METG(50 %): workers x wall / tasks where "
        "half of it is work; nothing where no task of the sweep got there.",
    )


def _metg_title(row: MetgRow) -> str:
    steps = "one task per worker, then all meet" if row.pattern == "steps" else ""
    return f"{steps or f'{row.tasks_per_worker} tasks per worker'}, {counted(row.workers, 'worker')}"


def _metg_key(row: MetgRow) -> str:
    return row.label if row.metg_s is None else f"{row.label} {seconds(row.metg_s.value)}"


def _efficiencies(row: MetgRow) -> Iterator[Point]:
    for point in row.curve:
        if point.efficiency is not None and point.task_s is not None:
            yield (point.task_s.value, *ends(point.efficiency))


def ipc(view: View, kernel: str = "") -> Chart | None:
    """Draw the time of messages over their size, and what each start method pays for a job."""
    document = view.studies.get("ipc")
    rows = document.rows if isinstance(document, IpcDocument) else ()
    channels: dict[str, _Curve] = {}
    for row in rows:
        if isinstance(row, TransferRow) and row.seconds is not None and row.bytes > 0:
            drawn = channels.setdefault(row.channel, _Curve(row, row.label, []))
            drawn.points.append((float(row.bytes), *ends(row.seconds)))
    curves = [drawn._replace(points=sorted(drawn.points)) for drawn in channels.values()]
    panels = _curve_panels("A message", curves, efficiency=False)
    jobs = [row for row in rows if isinstance(row, JobRow) and row.total_s is not None]
    panels += [_stages(jobs)] if jobs else []
    if not panels:
        return None
    note = "From the beginning of the sending until the receiver has it; a job pays each stage once."
    keys = [(f"loss-{colour}", stage.replace("_", " ")) for stage, colour in _STAGE_CLASSES.items()] if jobs else []
    return Chart(title="What moving data costs", panels=panels[:MAX_PANELS], note=note, keys=keys)


def startup(view: View, kernel: str = "") -> Chart | None:
    """Draw what creating and joining workers costs."""
    document = view.studies.get("startup")
    rows = document.rows if isinstance(document, StartupDocument) else ()
    groups = grouped((row for row in rows if row.total_s is not None), lambda row: row.workers)
    if not groups:
        return None
    panels = [_bars(counted(workers, "worker"), group) for workers, group in groups.items()]
    note = "Creating and joining in a fresh process, importing the library apart; the mark is a second time."
    return Chart(title="What workers cost", panels=panels[:MAX_PANELS], note=note)


def _curve_panels(title: str, curves: Sequence[_Curve], *, efficiency: bool) -> list[Panel]:
    parts = (curves[start : start + MAX_CURVES] for start in range(0, len(curves), MAX_CURVES))
    return [_curves(title, part, efficiency=efficiency) for part in parts]


def _curves(title: str, curves: Sequence[_Curve], *, efficiency: bool) -> Panel:
    """Draw efficiencies over the time of a task, with a line at one half, or times over the size of a message."""
    if efficiency:
        executors = [drawn.row.executor if drawn.row.executor in EXECUTOR_MARKS else "other" for drawn in curves]
        what, along, write = "efficiency", "task", seconds
    else:  # these belong to no executor: a mark for each
        executors = [_MARKS[number % len(_MARKS)] for number in range(len(curves))]
        what, along, write = "seconds", "bytes", _bytes
    keys, height = legend([(name, drawn.key) for name, drawn in zip(executors, curves, strict=True)], 26)
    top = 50.0 + height
    bottom = top + _PLOT
    every = [point for drawn in curves for point in drawn.points]
    widths, heights = _span([point[0] for point in every]), _span([point[1] for point in every])
    x = logarithmic(widths, (_LEFT + 6, PANEL_WIDTH - _RIGHT - 6))
    if efficiency:
        y = linear((0.0, max(1.05, *(point[1] for point in every))), (bottom, top))
        ticks = [(0.25 * step, f"{25 * step} %") for step in range(5)]
    else:
        y = logarithmic(heights, (bottom, top))
        ticks = [(tick, seconds(tick)) for tick in _powers(*heights)]
    shapes = [keys, tag("text", what, x=12, y=top - 10, class_="soft")]
    for tick, label in ticks:
        shapes.append(tag("path", d=path([(end, y(tick)) for end in _ENDS]), class_="grid"))
        shapes.append(tag("text", label, x=_LEFT - 5, y=y(tick) + 4, class_="soft end"))
    if efficiency:
        shapes.append(tag("path", d=path([(end, y(_HALF)) for end in _ENDS]), class_="ideal"))
    shapes += [tag("text", write(tick), x=x(tick), y=bottom + 15, class_="soft mid") for tick in _powers(*widths)]
    shapes.append(tag("text", along, x=PANEL_WIDTH - _RIGHT, y=bottom + 29, class_="soft end"))
    for executor, style, drawn in zip(executors, styles(executors), curves, strict=True):
        placed = [(x(point[0]), y(point[1]), y(point[2]), y(point[3])) for point in drawn.points]
        marks = [
            marker(executor, *place[:2], 3.2, style=style, data_tip=_tip(drawn.row, point, efficiency))
            for place, point in zip(placed, drawn.points, strict=True)
        ]
        shapes.append(curve(executor, style, placed, marks))
    text = "; ".join(f"{drawn.row.label} {len(drawn.points)} points" for drawn in curves)
    return panel_of(title, *shapes, height=bottom + 36, alt=f"{title}: {what} over {along}: {text}")


def _bytes(value: float) -> str:
    return f"{si(value)}B"


def _span(values: Sequence[float]) -> tuple[float, float]:
    above = [value for value in values if value > 0] or [1.0]
    low, high = min(above), max(above)
    return (low, high) if high > low else (low / 2, high * 2)


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten within a span, at most seven."""
    powers = [10.0**power for power in range(-12, 16) if low * 0.999 <= 10.0**power <= high * 1.001]
    return powers[:: -(-len(powers) // 7)] if powers else [low]


def _tip(row: StudyRow, point: Point, efficiency: bool) -> str:
    if efficiency:
        return f"{row.label}: {points(*point[1:])} efficient with tasks of {seconds(point[0])}"
    return f"{row.label}: {seconds(point[1])} [{seconds(point[2])}, {seconds(point[3])}] for {_bytes(point[0])}"


def _stages(rows: Sequence[JobRow]) -> Panel:
    totals_s = [0.0 if row.total_s is None else row.total_s.value for row in rows]
    x = linear((0.0, max(totals_s)), (12.0, _ENDS[1]))
    shapes = []
    for number, (row, total_s) in enumerate(zip(rows, totals_s, strict=True)):
        top = 30.0 + 38.0 * number
        shapes.append(tag("text", row.label, x=12, y=top + 11))
        total = f"{seconds(total_s)} for {_bytes(row.bytes)}"
        shapes.append(tag("text", total, x=_ENDS[1], y=top + 11, class_="soft end"))
        shapes.extend(_stacked(row, x, top))
    text = "; ".join(f"{row.label} {seconds(total_s)}" for row, total_s in zip(rows, totals_s, strict=True))
    alt = f"What a job costs by start method: {text}"
    return panel_of("A job, stage by stage", *shapes, height=36 + 38.0 * len(rows), alt=alt)


def _stacked(row: JobRow, x: Callable[[float], float], top: float) -> Iterator[Markup]:
    reached = 0.0
    for stage, colour in _STAGE_CLASSES.items():
        found, label = row.stages_s[stage], stage.replace("_", " ")
        cost = 0.0 if found is None else found.value
        left, width = x(reached), x(reached + cost) - x(reached)
        reached += cost
        if width > 0.3:
            place = {"x": left, "y": top + 16, "width": max(width - 0.5, 0.3), "height": 14.0}
            yield tag("rect", **place, class_=f"loss-{colour}", data_tip=f"{label}: {seconds(cost)}")
            if width > 8 + 6 * len(stage):
                yield tag("text", label, x=left + 4, y=top + 27, class_=f"inside on-loss-{colour}")


def _bars(title: str, rows: Sequence[StartupRow]) -> Panel:
    """Draw total times on a logarithmic axis: workers cost between microseconds and seconds."""
    found = [figure for row in rows for figure in (row.total_s, row.again_s) if figure is not None]
    low, high = _span([value for figure in found for value in ends(figure)])
    low /= 2  # the shortest bar must be visible too
    x = logarithmic((low, high), (12.0, _ENDS[1]))
    shapes = []
    for number, row in enumerate(rows):
        assert row.total_s is not None
        top = 30.0 + 36.0 * number
        value, least, most = map(seconds, ends(row.total_s))
        text = f"{value} [{least}, {most}]" if row.total_s.has_interval else value
        shapes.append(tag("text", row.label, x=12, y=top + 11))
        shapes.append(tag("text", text, x=_ENDS[1], y=top + 11, class_="soft end"))
        parts = bar(row.total_s, x, 12, top + 16, 12)
        if row.again_s is not None:
            again = row.again_s.value
            tip = f"{row.label}, a second time: {seconds(again)}"
            parts.append(marker("other", x(again), top + 22, 3.5, data_tip=tip))
        shapes.append(tag("g", *parts, class_=executor_class(row.executor)))
    bottom = 30.0 + 36.0 * len(rows)
    shapes += [tag("text", seconds(tick), x=x(tick), y=bottom + 12, class_="soft mid") for tick in _powers(low, high)]
    text = "; ".join(f"{row.label} {span(row.total_s)}" for row in rows)
    return panel_of(title, *shapes, height=bottom + 20, alt=f"What {title} cost: {text}")
