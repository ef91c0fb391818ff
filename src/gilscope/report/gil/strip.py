"""The strip over time: held share, waiting threads and hand-offs, a character per column."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from gilscope.report.figures import seconds
from gilscope.report.gil.layout import LABEL, WIDTH, labelled
from gilscope.telemetry.reading import GilReading

_BLOCKS = "▁▂▃▄▅▆▇█"
_DIGITS = "0123456789"
_LOOKS = 3  # per column on average, so that hardly any column has none


def strip(reading: GilReading, *, unicode: bool = True, beats: bool = False) -> str:
    """Draw held share, waiting threads and hand-offs over time, a character per column; ``beats``: of --latency too."""
    timeline = reading.timeline
    bins = len(timeline.held)
    if not bins:
        return ""
    columns = max(1, min(WIDTH - LABEL, bins, reading.samples // _LOOKS))
    ramp = _BLOCKS if unicode else _DIGITS
    rows = {
        "held": _row(timeline.held, columns, partial(_level, ramp)),
        "waiting": _row(timeline.waiting, columns, _count),
        "hand-offs": _row(timeline.handovers_per_s, columns, _power),
    }
    legend = (
        f"held: {ramp[0]} hardly, {ramp[-1]} all the time; waiting: threads, rounded; hand-offs: 2 is 100 to 999 a "
        "second, 3 is 1000 to 9999; . is none, a gap was not sampled"
    )
    column_s = bins * timeline.bin_s / columns
    also = ", with the thread of --latency" if beats else ""
    title = labelled("over time", f"0 to {seconds(reading.window_s)}, {seconds(column_s)} a column{also}")
    lines = [f"{name:<{LABEL}}{row}".rstrip() for name, row in rows.items() if row.strip()]
    return "\n".join([title, *lines, labelled("", legend)])


def _row(levels: Sequence[float | None], columns: int, write: Callable[[float], str]) -> str:
    """Write the mean of the known levels in each column; a gap where none is known."""
    letters = []
    for column in range(columns):
        first, last = column * len(levels) // columns, (column + 1) * len(levels) // columns
        known = [level for level in levels[first:last] if level is not None]
        letters.append(write(math.fsum(known) / len(known)) if known else " ")
    return "".join(letters)


def _level(ramp: str, share: float) -> str:
    return "." if share <= 0 else ramp[min(len(ramp) - 1, int(share * len(ramp)))]


def _count(threads: float) -> str:
    count = round(threads)
    return "." if not count else str(count) if count < 10 else "+"


def _power(rate: float) -> str:
    return "." if rate <= 0 else str(min(9, max(0, math.floor(math.log10(rate)))))
