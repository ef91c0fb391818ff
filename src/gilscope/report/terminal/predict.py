"""The outlook in the terminal: per way a table, a sentence and a chart with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gilscope.analysis.answer import Answer
from gilscope.analysis.predict.model import Prediction
from gilscope.analysis.predict.outlook import Outlook, WayOutlook
from gilscope.analysis.predict.whatif import Changed
from gilscope.report.figures import counted, interval, narrow, printable
from gilscope.report.sentences.predictions import UNSEEN, limit_sentence, prediction_cells, way_title
from gilscope.report.terminal.painted import filled, painted, plain_table

_ROWS, _LEAST_COLUMNS, _MARGIN = 10, 24, 8
_MARKS = {"measured": ("●", "*"), "predicted": ("○", "o"), "band": ("┆", ":"), "limit": ("─", "-"), "ideal": ("·", ".")}


def render_outlook(found: Outlook, answer: Answer, *, unicode: bool, width: int, color: bool = False) -> str:
    """Lay out an outlook; ways of which nothing can be predicted come last, with the reason."""
    known = [way for way in found.cases if way.predictions is not None]
    cpus = f"on {counted(found.cpus, 'CPU')}" if found.cpus is not None else "with a CPU for each worker"
    parts = [f"Speed-up over one worker, predicted {cpus}\nresult: {found.result}"]
    parts += [_way(way, answer, width, unicode=unicode, color=color) for way in known]
    unknown = [way for way in found.cases if way.predictions is None]
    parts += [filled("n/a  ", f"{way_title(way)}: {way.reason}", width) for way in unknown]
    if known:
        parts.append(filled("", f"{UNSEEN}.", width))
    return printable("\n\n".join(parts) + "\n", color=color)


def _way(way: WayOutlook, answer: Answer, width: int, *, unicode: bool, color: bool) -> str:
    assert way.predictions is not None
    measured = ", ".join(f"{interval(one.speedup)} on {one.workers}" for one in way.measured)
    heads = ["workers", "speed-up at most", *(one.change for one in way.what_if)]
    table = plain_table([], heads)
    table.add_column("limited by")
    for at, one in enumerate(way.predictions):
        workers, speedup, by = prediction_cells(one)
        table.add_row(workers, speedup, *_with_changes(way.what_if, at), by)
    lines = [filled("", f"{way_title(way)}: measured {measured}", width), painted(table, width, color=color).rstrip()]
    row = answer.row_of.get(way.case.id)
    if way.limit is not None and row is not None:
        lines.append(filled("", limit_sentence(row, way.limit), width))
    return "\n".join([*lines, *_chart(way, way.predictions, width, unicode=unicode)])


def _with_changes(changes: Sequence[Changed], at: int) -> Iterator[str]:
    for one in changes:
        yield narrow(one.predictions[at].speedup.value)


def _chart(way: WayOutlook, predictions: Sequence[Prediction], width: int, *, unicode: bool) -> list[str]:
    """Draw measured and predicted speed-ups over workers, both axes logarithmic."""
    columns = max(_LEAST_COLUMNS, min(width - _MARGIN, 64))
    most = max(predictions[-1].workers, *(one.workers for one in way.measured), 2)
    highest = max(2.0, *(one.speedup.high for one in way.measured), *(one.speedup.high for one in predictions))
    ceiling = way.limit.speedup.value if way.limit is not None else math.inf
    highest = max(highest, ceiling if ceiling <= most else 0.0)
    grid = [[" "] * columns for _ in range(_ROWS)]

    def put(kind: str, workers: float, speedup: float) -> None:
        x = round(math.log(workers) / math.log(most) * (columns - 1))
        y = round(math.log(max(1.0, speedup)) / math.log(highest) * (_ROWS - 1))
        if 0 <= x < columns and 0 <= y < _ROWS:
            grid[_ROWS - 1 - y][x] = _MARKS[kind][0 if unicode else 1]

    for at in range(columns):
        workers = most ** (at / (columns - 1))
        if workers <= highest:
            put("ideal", workers, workers)
        if ceiling <= highest:
            put("limit", workers, ceiling)
    for one in predictions:
        for step in range(2 * _ROWS + 1):
            between = one.speedup.low * (one.speedup.high / one.speedup.low) ** (step / (2 * _ROWS))
            put("band", one.workers, between)
        put("predicted", one.workers, one.speedup.value)
    for point in way.measured:
        put("measured", point.workers, point.speedup.value)
    scale = {0: narrow(highest), _ROWS - 1: "1"}
    bar = "│" if unicode else "|"
    lines = [f"{scale.get(at, ''):>6} {bar}{''.join(row).rstrip()}".rstrip() for at, row in enumerate(grid)]
    foot = f"{'':>6} {'└' if unicode else '+'}1{f'{most} workers':>{columns - 1}}"
    words = {"measured": "measured", "predicted": "predicted", "band": "its band", "limit": "limit", "ideal": "ideal"}
    marks = "  ".join(f"{_MARKS[kind][0 if unicode else 1]} {word}" for kind, word in words.items())
    return ["", *lines, foot, f"{'':>8}{marks}"]
