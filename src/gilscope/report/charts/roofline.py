"""The roofline: operations per second over operations per byte, a dot per case, an arrow from one worker to several.

Bandwidth is the slope and peak arithmetic the level of each roof (Williams, Waterman and Patterson, CACM 2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from gilscope.analysis.roof import HardwareShare, roof_of
from gilscope.analysis.rows import CaseRow
from gilscope.report.charts.marks import marker
from gilscope.report.charts.model import PANEL_WIDTH, Chart, Panel, View, panel_of, top
from gilscope.report.figures import si
from gilscope.report.labels import in_words
from gilscope.report.palette import executor_class
from gilscope.report.sentences.kernels import hardware_words
from gilscope.report.svg import Markup, logarithmic, path, tag
from gilscope.results.surroundings import HardwareRoof

MAX_ROWS = 40
_TOP, _BOTTOM, _LEFT, _RIGHT = 24.0, 244.0, 52.0, PANEL_WIDTH - 12.0
_ROOM = 4.0  # the axes go so many times beyond what is drawn

Map = Callable[[float], float]


def draw(view: View, kernel: str) -> Chart | None:
    """Draw the cases of a kernel that counts both operations and bytes; None where none does."""
    rows = [row for row in view.answer.by_kernel[kernel] if row.hardware is not None and row.hardware.intensity]
    roofs = view.answer.surroundings.roofs
    counts = sorted({row.case.workers for row in rows})
    drawn = [found for count in counts if (found := roof_of(roofs, count)) is not None and _peak(found)]
    if not rows or not drawn:
        return None
    kept = top(rows, MAX_ROWS, lambda row: _speed(row))
    left = len(rows) - len(kept)
    return Chart(
        title="Roofline",
        panels=[_panel(view, kernel, kept, drawn)],
        note=f"The {MAX_ROWS} fastest cases; the table has the other {left}." if left else "",
        keys=(("spin", "roof: memory bandwidth, then peak arithmetic"),),
    )


def _peak(roof: HardwareRoof) -> float:
    return roof.fma_flops_per_s or roof.flops_per_s or 0.0


def _used(row: CaseRow) -> HardwareShare:
    assert row.hardware is not None
    return row.hardware


def _speed(row: CaseRow) -> float:
    found = _used(row).flops_per_s
    return found.value if found is not None else 0.0


def _panel(view: View, kernel: str, rows: Sequence[CaseRow], roofs: Sequence[HardwareRoof]) -> Panel:
    places = [_used(row).intensity or 1.0 for row in rows]
    ridges = [_peak(roof) / roof.bytes_per_s for roof in roofs]
    across = min(*places, *ridges, 1.0) / _ROOM, max(*places, *ridges) * _ROOM
    up = min(*map(_speed, rows), math.inf) / _ROOM, max(map(_peak, roofs)) * 1.5
    x, y = logarithmic(across, (_LEFT, _RIGHT)), logarithmic(up, (_BOTTOM, _TOP))
    shapes = [*_grid(across, up, x, y), *(_roof(roof, across, x, y) for roof in roofs), *_arrows(rows, x, y)]
    shapes += [_dot(view, row, x, y) for row in rows]
    alt = "; ".join(f"{in_words(row)} on {row.case.workers}: {hardware_words(row)}" for row in rows)
    return panel_of(kernel, *shapes, height=_BOTTOM + 36, alt=f"Roofline of {kernel}: {alt}")


def _grid(across: tuple[float, float], up: tuple[float, float], x: Map, y: Map) -> Iterator[Markup]:
    """Yield lines and numbers at powers of ten."""
    for value in _tens(*across):
        yield tag("path", d=path([(x(value), _TOP), (x(value), _BOTTOM)]), class_="grid")
        yield tag("text", f"{value:g}", x=x(value), y=_BOTTOM + 14, class_="soft mid")
    for value in _tens(*up):
        yield tag("path", d=path([(_LEFT, y(value)), (_RIGHT, y(value))]), class_="grid")
        yield tag("text", si(value), x=_LEFT - 6, y=y(value) + 4, class_="soft end")
    yield tag("text", "operations per byte", x=_RIGHT, y=_BOTTOM + 29, class_="soft end")
    yield tag("text", "operations per second", x=_LEFT, y=_TOP - 8, class_="soft")


def _tens(low: float, high: float) -> Iterator[float]:
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        yield 10.0**power


def _roof(roof: HardwareRoof, across: tuple[float, float], x: Map, y: Map) -> Markup:
    peak, slope = _peak(roof), roof.bytes_per_s
    points = [(across[0], across[0] * slope), (peak / slope, peak), (across[1], peak)]
    tip = f"{roof.workers} workers: {si(slope)} bytes/s, {si(peak)} operations/s"
    return tag("path", d=path([(x(at), y(speed)) for at, speed in points]), class_="spin", data_tip=tip)


def _arrows(rows: Sequence[CaseRow], x: Map, y: Map) -> Iterator[Markup]:
    """Yield a line with a head from each T(1) to its case."""
    by_case = {row.case: row for row in rows}
    for row in rows:
        single = by_case.get(row.case.t1)
        if single is None or single is row:
            continue
        (x1, y1), (x2, y2) = ((x(_used(one).intensity or 1.0), y(_speed(one))) for one in (single, row))
        down = 5.0 if y1 > y2 else -5.0
        shape = f"{path([(x1, y1), (x2, y2)])}{path([(x2 - 3, y2 + down), (x2, y2), (x2 + 3, y2 + down)])}"
        yield tag("g", tag("path", d=shape, class_="curve"), class_=executor_class(row.case.executor))


def _dot(view: View, row: CaseRow, x: Map, y: Map) -> Markup:
    return tag(
        "g",
        marker(row.case.executor, x(_used(row).intensity or 1.0), y(_speed(row))),
        class_=executor_class(row.case.executor),
        data_case=view.number(row),
        data_tip=f"{in_words(row)}, {row.case.workers} workers: {hardware_words(row)}",
    )
