"""The charts: valid SVG whatever the names are, figures where they belong, and every limit said."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

from gilscope.analysis.answer import Answer
from gilscope.analysis.gil import GilActivity
from gilscope.report.case_facts import time_parts
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, View, draw
from gilscope.report.charts import gil as gil_chart
from gilscope.report.charts import losses as loss_chart
from gilscope.report.charts import scaling as scaling_chart
from gilscope.report.charts.heat import MAX_COLUMNS, Scale, grid, overview, scale_of
from gilscope.studies.ipc_rows import STAGES
from tests.report import studies
from tests.report.answers import answer, changed, control, estimate, mandelbrot, rated, row
from tests.report.large import large

HOSTILE = "\x00\x1b]</svg><script>\"'&\ud800"
LOSSES = ("gil_wait", "run_queue", "stolen", "dispatch", "imbalance", "blocked", "inflation", "residual")


def rich(kernel: str = "nbody", workers: tuple[int, ...] = (1, 2), **more: Any) -> Answer:
    """Return two ways with losses and GIL under two interpreters."""
    gil = GilActivity(available=True, enabled=True, handovers_per_s=9.0, held=estimate(0.9), waiting=estimate(0.5))
    cases = [row(f"{kernel}/py_loop@serial#S", rate=1e7)]
    for label in ("3.13", "3.13t"):
        for count in workers:
            mark = "" if label == "3.13" else f"!{label}"
            cases.append(
                row(
                    f"{kernel}/py_loop@threads*{count}#S{mark}",
                    rate=1e7,
                    speedup=1.0,
                    interpreter=label,
                    losses={**dict.fromkeys(LOSSES, estimate(0.05)), "omp_idle": None},
                    gil=gil,
                    findings=["gil_bound"],
                )
            )
    return answer(cases, [control("spin", count, 0.95 * count, of=kernel) for count in workers], **more)


def parsed(chart: Chart | None) -> list[ET.Element]:
    assert chart is not None
    return [ET.fromstring(panel.svg) for panel in chart.panels]


def texts(chart: Chart | None) -> str:
    return " ".join(text for panel in parsed(chart) for text in panel.itertext())


@pytest.mark.parametrize("name", [name for name in CHARTS if name != "timeline"])
def test_every_chart_draws_valid_svg_that_says_what_it_shows(name: str) -> None:
    chart = draw(name, View(rich()), "nbody")
    for panel, svg in zip(chart.panels, parsed(chart), strict=True):
        assert svg.get("role") == "img"
        assert svg.get("aria-label") == panel.alt != ""
        assert float(svg.get("height", 0)) == pytest.approx(panel.height)


@pytest.mark.parametrize("name", [name for name in CHARTS if name != "timeline"])
def test_no_name_breaks_out_of_a_chart(name: str) -> None:
    given = rich()
    renamed = [
        [
            replace(row, case=replace(row.case, implementation=HOSTILE), interpreter=row.interpreter + HOSTILE)
            for row in of
        ]
        for of in (given.rows, given.controls)
    ]
    for panel in parsed(draw(name, View(changed(given, rows=renamed[0], controls=renamed[1])), "nbody")):
        assert not [element for element in panel.iter() if "script" in element.tag]


@pytest.mark.parametrize("name", [*CHARTS, *STUDY_CHARTS])
def test_a_chart_without_numbers_is_none(name: str) -> None:
    view = View(answer([row("nbody/py_loop@serial#S", status="failed")]))
    assert name == "heatmap" or draw(name, view, "nbody") is None


# Heat map


@pytest.mark.parametrize(
    ("ratio", "step"),
    [
        (1.0, "z"),
        (1.04, "z"),
        (0.97, "z"),
        (2.0, "u5"),
        (4.0, "u5"),
        (1.1, "u1"),
        (0.9, "l1"),
        (0.02, "l5"),
        (1e-9, "l5"),
    ],
)
def test_steps_are_even_in_the_logarithm_on_either_side_of_1(ratio: float, step: str) -> None:
    assert Scale(low=0.02, high=2.0).step(ratio) == step


def test_the_legend_goes_from_slowest_to_fastest() -> None:
    edges = Scale(low=0.01, high=32.0).edges()
    values = [float(text) for _, text in edges]
    assert values == sorted(values)
    assert [step for step, _ in edges] == ["l5", "l4", "l3", "l2", "l1", "z", "u1", "u2", "u3", "u4", "u5"]


def test_a_cell_holds_the_ratio_and_what_stops_the_case() -> None:
    view = View(rich())
    cells = [cell for line in grid(view, "nbody", scale_of(view)).lines for cell in line.cells if cell]
    assert {cell.word for cell in cells} == {"", "GIL"}
    assert sorted(view.answer.rows[cell.number].case.workers for cell in cells) == [1, 1, 1, 2, 2]


def test_few_ways_make_a_row_per_implementation_and_many_a_row_per_way() -> None:
    few = [row(f"nbody/{name}@{way}#M") for name in ("py_loop", "cy_gil") for way in ("serial", "threads*2", "loky*4")]
    compact = grid(View(answer(few)), "nbody", Scale(low=0.1, high=4))
    assert compact.columns == [("serial", ""), ("threads", "2"), ("loky", "4!")]
    assert [(line.name, line.size, len(line.cells)) for line in compact.lines] == [
        ("py_loop", "M", 3),
        ("cy_gil", "M", 3),
    ]
    many = [*few, *(row(f"nbody/py_loop@threads*{count}#M") for count in range(3, 3 + MAX_COLUMNS))]
    long = grid(View(answer(many)), "nbody", Scale(low=0.1, high=4))
    assert [name for name, _ in long.columns] == ["1", *(str(count) for count in range(2, 3 + MAX_COLUMNS))]
    assert [(line.name, line.variant) for line in long.lines[:3]] == [
        ("py_loop", "serial"),
        ("py_loop", "threads"),
        ("py_loop", "loky"),
    ]


def test_what_could_not_be_measured_is_said_in_its_cell() -> None:
    view = View(answer([row("nbody/py_loop@serial#S"), row("nbody/py_loop@threads*2#S", status="timeout")]))
    (line,) = grid(view, "nbody", scale_of(view)).lines
    cell = line.cells[1]
    assert cell is not None
    assert (cell.text, cell.step) == ("time-out", "none")


def test_the_overview_shows_each_way_with_most_workers_that_have_a_cpu() -> None:
    cases = [row(f"{kernel}/py_loop@threads*{count}#S") for kernel in ("nbody", "triad") for count in (1, 2, 4)]
    view = View(answer(cases))
    (line,) = overview(view, scale_of(view)).lines
    assert line.variant == "threads*2"
    assert [view.answer.rows[cell.number].case.workers for cell in line.cells if cell] == [2, 2]


# Scaling


def test_higher_speed_ups_lie_higher_on_axes_that_all_panels_share() -> None:
    places = {}
    for panel in parsed(draw("scaling", View(mandelbrot()), "mandelbrot")):
        for mark in panel.iter("{http://www.w3.org/2000/svg}circle"):
            if mark.get("data-case"):
                places[int(mark.get("data-case", 0))] = float(mark.get("cy", 0))
    rows = mandelbrot().rows
    ordered = sorted(places, key=lambda index: rows[index].speedup.value)
    assert len(ordered) >= 2
    assert [places[index] for index in ordered] == sorted(places.values(), reverse=True)


@pytest.mark.parametrize("workers", [(1, 2), (2, 256), (4,), (1,)])
def test_any_set_of_workers_fits_the_panel(workers: tuple[int, ...]) -> None:
    chart = draw("scaling", View(rich(workers=workers)), "nbody")
    assert (chart is None) == (workers == (1,))
    for panel in parsed(chart) if chart else ():
        numbers = [float(x) for path in panel.iter() for x in re.findall(r"[ML](-?[\d.]+) ", path.get("d") or "")]
        assert 0 <= min(numbers) <= max(numbers) <= float(panel.get("width", 0))


def test_more_implementations_than_panels_are_said() -> None:
    cases = [row(f"nbody/i{number}@threads*2#M", rate=1e6 * number, speedup=1.5) for number in range(1, 20)]
    chart = draw("scaling", View(answer(cases)), "nbody")
    assert len(chart.panels) == scaling_chart.MAX_PANELS
    assert "the other 7" in chart.note
    assert "i19 at" in texts(chart)
    assert "i2 at" not in texts(chart)


# Losses and GIL


def test_work_and_losses_fill_the_bar() -> None:
    parts = {part.name: part.value for part in time_parts(rich().rows[1])}
    assert sum(parts.values()) == pytest.approx(1.0)
    assert parts["work"] == pytest.approx(0.6)
    (panel,) = parsed(draw("losses", View(rich()), "nbody"))
    bars = [group for group in panel.iter("{http://www.w3.org/2000/svg}g") if group.get("data-case")]
    widths = [float(rect.get("width", 0)) + 1 for rect in bars[0].iter("{http://www.w3.org/2000/svg}rect")]
    assert sum(widths) == pytest.approx(348, abs=1)
    assert widths[0] == pytest.approx(0.6 * 348, abs=1)


def test_gains_are_left_out_of_the_bar_and_said() -> None:
    given = rich()
    rows = list(given.rows)
    rows[2] = replace(rows[2], losses={**rows[2].losses, "inflation": estimate(-0.2)})
    assert "below zero" in draw("losses", View(changed(given, rows=rows)), "nbody").note


@pytest.mark.parametrize(("name", "limit"), [("losses", loss_chart.MAX_BARS), ("gil", gil_chart.MAX_ROWS)])
def test_more_ways_than_bars_are_said(name: str, limit: int) -> None:
    one = rich().rows[2]
    cases = [replace(one, case=replace(one.case, implementation=f"i{number}")) for number in range(limit + 5)]
    chart = draw(name, View(answer(cases)), "nbody")
    drawn = sum(
        len([g for g in panel.iter() if g.tag.endswith("}g") and g.get("data-case")]) for panel in parsed(chart)
    )
    assert drawn == limit
    assert f"The {limit} of {limit + 5} ways" in chart.note


def test_the_gil_is_shown_with_its_interval() -> None:
    assert "held 90 ±1%" in texts(draw("gil", View(rich()), "nbody"))
    assert "0.50 waiting" in texts(draw("gil", View(rich()), "nbody"))


def test_interpreters_stand_side_by_side_relative_to_the_first() -> None:
    given = rich()
    rows = [*given.rows[:-1], replace(given.rows[-1], rate=rated(estimate(1.8e7), "bodies"))]
    (panel,) = draw("interpreters", View(changed(given, rows=rows)), "nbody").panels
    assert re.search(r"threads\*2 3\.13 1\.00 \[.*?\], 3\.13t 1\.80 \[", panel.alt)


# Studies


def study(name: str, rows: list[dict[str, Any]]) -> View:
    return View(answer([]), studies={name: studies.document(name, rows=rows)})


def test_metg_curves_name_where_half_is_work() -> None:
    curve = [
        {
            "steps": n,
            "task_s": studies.estimate(1e-6 * n),
            "granularity_s": None,
            "efficiency": studies.estimate(n / (n + 30)),
        }
        for n in (1, 10, 100, 1000)
    ]
    entry = {**studies.metg_row("threads", "steps", 3e-5), "curve": curve}
    never = {**entry, "label": HOSTILE, "metg_s": None, "status": "not_reached", "executor": HOSTILE}
    chart = draw("metg", study("metg", [entry, never]))
    assert "threads 60.0 us" in texts(chart)


def test_ipc_draws_messages_by_size_and_jobs_by_stage() -> None:
    sent = [
        studies.row(
            "pipe",
            kind="transfer",
            channel="pipe",
            bytes=size,
            seconds=studies.estimate(1e-5 + size / 1e9),
            bandwidth_bytes_per_s=None,
        )
        for size in (64, 1 << 24, 65536)
    ]
    stages = {**dict.fromkeys(STAGES), "start": studies.estimate(0.03), "pickle": studies.estimate(0.01)}
    job = studies.row("spawn", kind="job", bytes=1 << 20, stages_s=stages, total_s=studies.estimate(0.04))
    chart = draw("ipc", study("ipc", [*sent, job]))
    assert [panel.alt.partition(":")[0] for panel in chart.panels] == ["A message", "What a job costs by start method"]
    assert "40.0 ms" in texts(chart)


def test_startup_draws_the_first_and_the_second_time() -> None:
    times = {
        "import_s": None,
        "create_s": None,
        "join_s": None,
        "total_s": studies.estimate(2e-3),
        "again_s": studies.estimate(1e-3),
    }
    entry = studies.row("threads", workers=8, **times, pss_bytes=None, pss_reason="")
    chart = draw("startup", study("startup", [entry, {**entry, "again_s": None}]))
    (panel,) = parsed(chart)
    assert sum("second time" in (mark.get("data-tip") or "") for mark in panel.iter()) == 1


def test_a_study_without_figures_has_no_chart() -> None:
    for name in ("metg", "ipc", "startup"):
        assert draw(name, study(name, [])) is None


def test_ten_thousand_cases_are_indexed_once() -> None:
    view = View(large(3000))
    assert len(view.index) == 3000
    assert all(view.answer.rows[view.number(entry)] is entry for entry in view.rows["kernel0"][:50])
