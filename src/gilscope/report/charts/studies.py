"""Charts of the studies beside a result: METG, what moving data costs, what workers cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from gilscope.report.charts.marks import dashes, legend, marker, styles
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, panel_of
from gilscope.report.figures import seconds, si
from gilscope.report.palette import EXECUTOR_MARKS, executor_class
from gilscope.report.studies import ends, points, span
from gilscope.report.svg import Markup, linear, logarithmic, path, tag
from gilscope.studies.document import StudyRow
from gilscope.studies.ipc_rows import IpcDocument, JobRow, Stage, TransferRow
from gilscope.studies.metg import MetgDocument, MetgRow
from gilscope.studies.startup import StartupDocument, StartupRow

__all__ = ["MAX_CURVES", "MAX_PANELS", "ipc", "metg", "startup"]

MAX_CURVES = 6
"""Curves per panel that eyes can follow."""

MAX_PANELS = 12
"""Panels per study; the study's own command prints all."""

Point: TypeAlias = tuple[float, float, float, float]
"""x, y, and the ends of y's interval."""


class _Line(NamedTuple):
    """A curve: whose it is, what its key says, and its points."""

    row: StudyRow
    key: str
    points: list[Point]


_LEFT, _RIGHT, _PLOT = 46.0, 14.0, 170.0
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
    groups: dict[str, list[MetgRow]] = {}
    for row in rows:
        if not any(_metg_points(row)):
            continue
        bag = f"{row.tasks_per_worker} tasks per worker"
        what = "one task per worker, then all meet" if row.pattern == "steps" else bag
        groups.setdefault(f"{what}, {_workers(row.workers)}", []).append(row)
    if not groups:
        return None
    panels = [panel for title, group in groups.items() for panel in _metg_panels(title, group)]
    return Chart(
        title="Smallest useful task (METG)",
        panels=panels[:MAX_PANELS],
        note="Efficiency over the time of a task by itself. Beside each name METG(50 %): workers x wall / tasks where "
        "half of it is work; nothing where no task of the sweep got there.",
    )


def _metg_panels(title: str, rows: Sequence[MetgRow]) -> Iterator[Panel]:
    for start in range(0, len(rows), MAX_CURVES):
        some = rows[start : start + MAX_CURVES]
        lines = [_Line(row, _key(row), list(_metg_points(row))) for row in some]
        yield _curves(title, lines, what="efficiency", along="task", write=lambda value: f"{seconds(value)}", half=True)


def _metg_points(row: MetgRow) -> Iterator[Point]:
    for point in row.curve:
        if point.efficiency is not None and point.task_s is not None:
            yield (point.task_s.value, *ends(point.efficiency))


def ipc(view: View, kernel: str = "") -> Chart | None:
    """Draw the time of messages over their size, and what each start method pays for a job."""
    document = view.studies.get("ipc")
    rows = document.rows if isinstance(document, IpcDocument) else ()
    channels: dict[str, _Line] = {}
    for row in rows:
        if isinstance(row, TransferRow) and row.seconds is not None and row.bytes > 0:
            line = channels.setdefault(row.channel, _Line(row, row.label, []))
            line.points.append((float(row.bytes), *ends(row.seconds)))
    panels = []
    names = list(channels)
    for start in range(0, len(names), MAX_CURVES):
        lines = [channels[name] for name in names[start : start + MAX_CURVES]]
        for line in lines:
            line.points.sort()
        panels.append(_curves("A message", lines, what="seconds", along="bytes", write=_bytes, half=False))
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
    groups: dict[int, list[StartupRow]] = {}
    for row in rows:
        if row.total_s is not None:
            groups.setdefault(row.workers, []).append(row)
    if not groups:
        return None
    panels = [_bars(_workers(workers), group) for workers, group in groups.items()]
    note = "Creating and joining in a fresh process, importing the library apart; the mark is a second time."
    return Chart(title="What workers cost", panels=panels[:MAX_PANELS], note=note)


def _workers(count: int) -> str:
    return f"{count} worker{'' if count == 1 else 's'}"


def _bytes(value: float) -> str:
    return f"{si(value)}B"


def _curves(
    title: str,
    lines: Sequence[_Line],
    *,
    what: str,
    along: str,
    write: Callable[[float], str],
    half: bool,
) -> Panel:
    """Draw curves over a logarithmic axis; ``half`` means shares of 1 with a line at one half."""
    executors = [_known(line.row.executor) for line in lines] if half else _told_apart(len(lines))
    keys, height = legend([(executors[n], line.key) for n, line in enumerate(lines)], 26)
    top = 50.0 + height
    bottom = top + _PLOT
    drawn = [point for line in lines for point in line.points]
    x = logarithmic(_span([point[0] for point in drawn]), (_LEFT + 6, PANEL_WIDTH - _RIGHT - 6))
    y: Callable[[float], float]
    if half:
        y = linear((0.0, max(1.05, *(point[1] for point in drawn))), (bottom, top))
        ticks = [(0.25 * step, f"{25 * step} %") for step in range(5)]
    else:
        whole = _span([point[1] for point in drawn])
        y = logarithmic(whole, (bottom, top))
        ticks = [(tick, seconds(tick)) for tick in _powers(*whole)]
    shapes = [tag("text", title, x=12, y=17, class_="t"), keys, tag("text", what, x=12, y=top - 10, class_="soft")]
    for tick, word in ticks:
        shapes.append(tag("path", d=path([(_LEFT, y(tick)), (PANEL_WIDTH - _RIGHT, y(tick))]), class_="grid"))
        shapes.append(tag("text", word, x=_LEFT - 5, y=y(tick) + 4, class_="soft end"))
    if half:
        shapes.append(tag("path", d=path([(_LEFT, y(_HALF)), (PANEL_WIDTH - _RIGHT, y(_HALF))]), class_="ideal"))
    along_ticks = _powers(*_span([point[0] for point in drawn]))
    shapes += [tag("text", write(tick), x=x(tick), y=bottom + 15, class_="soft mid") for tick in along_ticks]
    shapes.append(tag("text", along, x=PANEL_WIDTH - _RIGHT, y=bottom + 29, class_="soft end"))
    numbers = styles(executors)
    for number, line in enumerate(lines):
        shapes.append(_curve(executors[number], numbers[number], line, x, y, half))
    text = "; ".join(f"{line.row.label} {len(line.points)} points" for line in lines)
    return panel_of(*shapes, height=bottom + 36, alt=f"{title}: {what} over {along}: {text}")


def _key(row: MetgRow) -> str:
    return row.label if row.metg_s is None else f"{row.label} {seconds(row.metg_s.value)}"


def _known(executor: str) -> str:
    return executor if executor in EXECUTOR_MARKS else "other"


def _told_apart(count: int) -> list[str]:
    """Return a mark for each of some curves that belong to no executor."""
    return [_MARKS[number % len(_MARKS)] for number in range(count)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    above = [value for value in values if value > 0] or [1.0]
    low, high = min(above), max(above)
    return (low, high) if high > low else (low / 2, high * 2)


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten within a span, at most seven."""
    powers = [10.0**power for power in range(-12, 16) if low * 0.999 <= 10.0**power <= high * 1.001]
    return powers[:: -(-len(powers) // 7)] if powers else [low]


def _curve(
    executor: str,
    style: int,
    drawn: _Line,
    x: Callable[[float], float],
    y: Callable[[float], float],
    share: bool,
) -> Markup:
    line = [(x(point[0]), y(point[1])) for point in drawn.points]
    band = [(x(point[0]), y(point[3])) for point in drawn.points]
    band += [(x(point[0]), y(point[2])) for point in reversed(drawn.points)]
    marks = [
        marker(executor, *place, 3.2, style=style, data_tip=_tip(drawn.row, point, share))
        for place, point in zip(line, drawn.points, strict=True)
    ]
    shapes = [
        tag("path", d=path(band, closed=True), class_="band"),
        tag("path", d=path(line), class_="curve", stroke_dasharray=dashes(style)),
        *marks,
    ]
    return tag("g", *shapes, class_=executor_class(executor))


def _tip(row: StudyRow, point: Point, share: bool) -> str:
    if share:
        return f"{row.label}: {points(*point[1:])} efficient with tasks of {seconds(point[0])}"
    return f"{row.label}: {seconds(point[1])} [{seconds(point[2])}, {seconds(point[3])}] for {si(point[0])}B"


def _stages(rows: Sequence[JobRow]) -> Panel:
    """Draw the stages of a job, stacked, a bar per start method."""
    totals_s = [0.0 if row.total_s is None else row.total_s.value for row in rows]
    most = max(totals_s)
    x = linear((0.0, most), (12.0, PANEL_WIDTH - 14.0))
    shapes = [tag("text", "A job, stage by stage", x=12, y=17, class_="t")]
    for number, row in enumerate(rows):
        top, reached = 30.0 + 38.0 * number, 0.0
        shapes.append(tag("text", row.label, x=12, y=top + 11))
        total = seconds(totals_s[number])
        shapes.append(tag("text", f"{total} for {si(row.bytes)}B", x=PANEL_WIDTH - 14, y=top + 11, class_="soft end"))
        for stage, colour in _STAGE_CLASSES.items():
            found = row.stages_s[stage]
            cost = 0.0 if found is None else found.value
            width = x(reached + cost) - x(reached)
            if width > 0.3:
                tip = f"{stage.replace('_', ' ')}: {seconds(cost)}"
                place = {"x": x(reached), "y": top + 16, "width": max(width - 0.5, 0.3), "height": 14.0}
                shapes.append(tag("rect", **place, class_=f"loss-{colour}", data_tip=tip))
                if width > 8 + 6 * len(stage):
                    word = stage.replace("_", " ")
                    shapes.append(tag("text", word, x=x(reached) + 4, y=top + 27, class_=f"inside on-loss-{colour}"))
            reached += cost
    text = "; ".join(f"{row.label} {seconds(total_s)}" for row, total_s in zip(rows, totals_s, strict=True))
    return panel_of(*shapes, height=36 + 38.0 * len(rows), alt=f"What a job costs by start method: {text}")


def _bars(title: str, rows: Sequence[StartupRow]) -> Panel:
    """Draw total times on a logarithmic axis: workers cost between microseconds and seconds."""
    found = [figure for row in rows for figure in (row.total_s, row.again_s) if figure is not None]
    low, high = _span([value for figure in found for value in ends(figure)])
    low /= 2  # the shortest bar must be seen too
    x = logarithmic((low, high), (12.0, PANEL_WIDTH - 14.0))
    shapes = [tag("text", title, x=12, y=17, class_="t")]
    for number, row in enumerate(rows):
        if row.total_s is None:  # nothing was measured
            continue
        top = 30.0 + 36.0 * number
        value, least, most = ends(row.total_s)
        shapes.append(tag("text", row.label, x=12, y=top + 11))
        text = f"{seconds(value)} [{seconds(least)}, {seconds(most)}]" if row.total_s.has_interval else seconds(value)
        shapes.append(tag("text", text, x=PANEL_WIDTH - 14, y=top + 11, class_="soft end"))
        middle = top + 22
        parts = [
            tag("rect", x=12, y=top + 16, width=max(x(value) - 12, 0.5), height=12, class_="bar"),
            tag("path", d=path([(x(least), middle), (x(most), middle)]), class_="inkwhisker"),
        ]
        if row.again_s is not None:
            again = row.again_s.value
            tip = f"{row.label}, a second time: {seconds(again)}"
            parts.append(marker("other", x(again), middle, 3.5, data_tip=tip))
        shapes.append(tag("g", *parts, class_=executor_class(row.executor)))
    bottom = 30.0 + 36.0 * len(rows)
    ticks = _powers(low, high)
    shapes += [tag("text", seconds(tick), x=x(tick), y=bottom + 12, class_="soft mid") for tick in ticks]
    text = "; ".join(f"{row.label} {span(row.total_s)}" for row in rows)
    return panel_of(*shapes, height=bottom + 20, alt=f"What {title} cost: {text}")
