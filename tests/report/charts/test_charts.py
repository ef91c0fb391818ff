"""The charts: valid SVG whatever the names are, figures where they belong, and every limit said."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

from gilscope.analysis.answer import Answer
from gilscope.analysis.factors import Factors
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.predict.model import Demand, Demands
from gilscope.analysis.roof import HardwareShare
from gilscope.report.case_facts import time_parts
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, View, draw
from gilscope.report.charts import gil as gil_chart
from gilscope.report.charts import losses as loss_chart
from gilscope.report.charts import scaling as scaling_chart
from gilscope.report.charts.heat import grid, matrix_grid, step_of, steps
from gilscope.studies.ipc_rows import STAGES
from tests.report import studies
from tests.report.answers import ENVIRONMENT, answer, changed, control, estimate, mandelbrot, rated, row
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
                    factors=Factors(gil=estimate(0.55), balance=estimate(0.95), computation=estimate(1.02)),
                    demands=Demands(stations=(Demand(station="gil", share=estimate(0.9)),)),
                    gil=gil,
                    findings=["gil_bound"],
                    hardware=HardwareShare(
                        share=estimate(0.5),
                        bound_by="bandwidth",
                        intensity=2.0,
                        flops_per_s=estimate(1e9 * count),
                        bytes_per_s=estimate(5e8 * count),
                    ),
                )
            )
    roofs = [{"workers": count, "bytes_per_s": 1e9, "fma_flops_per_s": 4e9 * count} for count in workers]
    more.setdefault("environment", {**ENVIRONMENT, "roofs": roofs})
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
    ("workers", "speedup", "step"),
    [
        (2, 0.98, "l3"),
        (2, 1.02, "l3"),
        (8, 1.0, "l5"),
        (2, 1.6, "u1"),
        (2, 1.97, "u3"),
        (2, 2.03, "u3"),
        (2, 3.0, "u4"),
    ],
)
def test_a_cell_is_coloured_by_its_efficiency(workers: int, speedup: float, step: str) -> None:
    assert step_of(row(f"nbody/a@threads*{workers}#M", speedup=speedup, findings=["scales_partly"])) == step


def test_what_is_undecided_has_no_colour_of_success() -> None:
    noisy = row("nbody/a@threads*2#M", speedup=1.97, status="too_noisy", findings=["too_noisy"])
    assert step_of(noisy) == "open"


def test_the_legend_goes_from_low_to_high_efficiency() -> None:
    assert [step for step, _ in steps()] == ["l5", "l4", "l3", "l2", "l1", "u1", "u2", "u3", "u4"]
    assert [text for _, text in steps()] == ["30 %", "40", "50", "60", "70", "80", "90", "100", "> 105 %"]


def test_the_net_speed_up_decides_the_colour_and_is_the_text() -> None:
    gained = row("nbody/a@threads*2#M", speedup=1.1, net_speedup=estimate(1.96), findings=["scales"])
    ((cell,),) = (line.cells for line in matrix_grid(View(answer([gained]))).lines)
    assert (cell.text, cell.step) == ("1.96 +", "u3")


def test_the_matrix_has_the_rows_and_letters_of_the_terminal() -> None:
    cells = matrix_grid(View(mandelbrot()))
    assert cells.columns == ("mandelbrot",)
    assert [line.name for line in cells.lines] == [
        "Python by threads", "Python by processes", "Cython nogil", "Cython nogil by processes", "Cython prange",
    ]  # fmt: skip
    assert [cell.best for line in cells.lines for cell in line.cells] == [False, False, False, False, True]


def test_all_numbers_of_workers_are_columns() -> None:
    cases = [row(f"nbody/py_loop@threads*{count}#S", speedup=1.0) for count in (4, 1, 2)]
    found = grid(View(answer([row("nbody/py_loop@serial#S"), *cases])), "nbody")
    assert found.columns == ["1", "2", "4!"]
    assert [line.name for line in found.lines] == ["py_loop threads"]


def test_what_could_not_be_measured_is_said_in_its_cell() -> None:
    view = View(answer([row("nbody/py_loop@serial#S"), row("nbody/py_loop@threads*2#S", status="timeout")]))
    (line,) = grid(view, "nbody").lines
    (cell,) = line.cells
    assert cell is not None
    assert (cell.text, cell.step) == ("time-out", "none")


# Speed-ups


def test_each_way_is_a_dot_in_one_panel_further_right_the_higher_its_net_speed_up() -> None:
    rows = mandelbrot().rows
    given = changed(mandelbrot(), rows=[replace(row, net_speedup=row.speedup) for row in rows])
    (panel,) = parsed(draw("speedups", View(given), "mandelbrot"))
    ways = [group for group in panel.iter("{http://www.w3.org/2000/svg}g") if group.get("data-case")]
    ends = {}
    for group in ways:
        (whisker,) = [part for part in group if part.get("class") == "curve"]
        low, high = (float(x) for x in re.findall(r"[ML](-?[\d.]+) ", whisker.get("d")))
        assert low < high
        ends[int(group.get("data-case"))] = low
    assert [rows[number].case.workers for number in ends] == [2] * 5
    ordered = sorted(ends, key=lambda number: rows[number].speedup.low)
    assert [ends[number] for number in ordered] == sorted(ends.values())
    kinds = [part.get("class") for part in panel.iter()]
    assert [kinds.count(kind) for kind in ("ideal", "spin", "spinband")] == [1, 1, 1]


def test_an_undecided_way_is_a_hollow_dot() -> None:
    cases = [row("nbody/a@threads*2#M", speedup=1.9, findings=["scales"]), row("nbody/b@threads*2#M", speedup=1.9)]
    (panel,) = parsed(draw("speedups", View(answer(cases)), "nbody"))
    dots = [part.get("class") for part in panel.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots == ["dot", "dot hollow"]


def test_more_ways_than_a_panel_holds_are_said() -> None:
    cases = [row(f"nbody/i{number}@threads*2#M", speedup=1 + number / 50) for number in range(45)]
    chart = draw("speedups", View(answer(cases)), "nbody")
    assert "the other 5" in chart.note
    assert "i44" in texts(chart)
    assert "i4 " not in texts(chart)


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


def test_a_stack_reaches_from_the_speedup_to_the_workers() -> None:
    chart = draw("stack", View(rich(workers=(2, 4))), "nbody")
    (panel, *_) = parsed(chart)
    bars = [element for element in panel.iter() if element.tag.endswith("}g")]
    assert len(bars) == 2
    tips = [part.get("data-tip", "") for part in bars[-1] if part.tag.endswith("rect")]
    assert tips[0].startswith("speed-up")
    assert any(tip.startswith("GIL: factor 0.55, 1.80 of 4 workers") for tip in tips)
    assert ("loss-gil-wait", "GIL") in chart.keys
    assert "above 1" in chart.note


def test_a_prediction_has_what_was_measured_the_band_and_the_limit() -> None:
    chart = draw("prediction", View(rich()), "nbody")
    tips = [element.get("data-tip", "") for panel in parsed(chart) for element in panel.iter()]
    assert any(tip.startswith("measured") for tip in tips)
    assert any("1024 workers: at most" in tip and "limited by the GIL" in tip for tip in tips)
    assert any(tip.startswith("limit") for tip in tips)
    assert 'read "at most"' in chart.note
