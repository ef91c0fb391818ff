"""The closing sentences: what they claim, and what keeps them from claiming it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gilscope.analysis.answer import Answer
from gilscope.report.sentences import closing
from tests.report.answers import NOT_SAMPLED, answer, changed, control, estimate, mandelbrot, row


def with_threads(speedup: float, half_width: float, implementation: str = "py_loop", **more: Any) -> Answer:
    """Return the answer about one implementation, serial and on two threads."""
    name = f"mandelbrot/{implementation}"
    cases = [
        row(f"{name}@serial#S", rate=1e7),
        row(f"{name}@threads*2#S", rate=1e7 * speedup, speedup=speedup, half_width=half_width, **more),
    ]
    return answer(cases, [control("spin", 2, 1.94), control("A/A", 1, 1.0)])


def test_the_winner_is_named_with_its_gains() -> None:
    said = closing(mandelbrot(), "mandelbrot")
    assert said.startswith("On 2 workers cy_prange@native is fastest at 730 M iterations/s: 1.93x [1.91, 1.95]")
    assert "45.6x [44.7, 46.5] the pure-Python loop (measured at S)" in said


def test_intervals_that_touch_make_no_winner() -> None:
    cases = [
        row("mandelbrot/cy_nogil@threads*2#M", rate=7.0e8, speedup=1.92, half_width=0.03),
        row("mandelbrot/cy_prange@native*2#M", rate=7.2e8, speedup=1.93, half_width=0.03),
        row("mandelbrot/nb_prange@native*2#M", rate=5.0e8, speedup=1.93, half_width=0.03),
    ]
    said = closing(answer(cases), "mandelbrot")
    assert "cy_prange@native and cy_nogil@threads tie for fastest" in said
    assert "is fastest" not in said


def test_many_rivals_are_counted_not_named() -> None:
    cases = [
        row(f"mandelbrot/{name}@threads*2#M", rate=7.0e8, speedup=1.92, half_width=0.03)
        for name in ("np_vec", "cy_gil", "cy_nogil", "nb_gil", "nb_nogil")
    ]
    assert "5 cases tie for fastest" in closing(answer(cases), "mandelbrot")


def test_without_intervals_nobody_wins() -> None:
    cases = [
        row("mandelbrot/cy_nogil@threads*2#M", rate=7.0e8, speedup=1.92),
        row("mandelbrot/cy_prange@native*2#M", rate=9.0e8, speedup=1.93),
    ]
    unknown = dataclasses.replace(estimate(2.0), confidence=0.0)
    cases = [dataclasses.replace(case, vs_fastest_serial=unknown) for case in cases]
    assert "tie for fastest" in closing(answer(cases), "mandelbrot")


def test_the_gil_is_named_where_the_whole_interval_shows_it() -> None:
    said = closing(with_threads(0.98, 0.02), "mandelbrot")
    assert "Threads give py_loop 0.98x [0.96, 1.00]: it holds the GIL." in said


def test_an_interval_that_leaves_both_open_decides_nothing() -> None:
    said = closing(with_threads(1.2, 0.2), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Cannot tell whether threads help py_loop 1.20x [0.96, 1.44]" in said


def test_a_gil_holder_that_scales_is_not_called_bound() -> None:
    said = closing(with_threads(1.8, 0.02), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Cannot tell whether" not in said


def test_the_gil_is_not_blamed_where_the_machine_gave_nothing_either() -> None:
    found = changed(with_threads(0.98, 0.02), controls=[control("spin", 2, 1.06, half_width=0.2)])
    said = closing(found, "mandelbrot")
    assert "holds the GIL" not in said
    assert "the machine's limit is not certainly higher" in said
    assert "The machine's limit is only 1.06 [0.85, 1.27] with 2 workers" in said


def test_what_the_probe_found_needs_no_control() -> None:
    seen = changed(with_threads(0.98, 0.02, findings=["gil_bound"]), controls=[])
    assert "py_loop 0.98x [0.96, 1.00]: it holds the GIL." in closing(seen, "mandelbrot")
    named_otherwise = with_threads(0.98, 0.02, "cy_nogil", findings=["gil_held_in_c"])
    assert "though the GIL is released" not in closing(named_otherwise, "mandelbrot")


def test_without_a_control_the_gil_is_not_blamed() -> None:
    assert "holds the GIL" not in closing(changed(with_threads(0.98, 0.02), controls=[]), "mandelbrot")


def test_without_a_gil_nothing_is_blamed_on_it() -> None:
    said = closing(with_threads(0.98, 0.02, gil=dataclasses.replace(NOT_SAMPLED, enabled=False)), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Without a GIL threads give py_loop 0.98x" in said


def test_processes_are_named_only_where_they_help() -> None:
    assert "Processes give py_loop 1.86x [1.84, 1.88]." in closing(mandelbrot(), "mandelbrot")
    slow = with_threads(0.98, 0.02)
    slow = changed(
        slow, rows=[*slow.rows, row("mandelbrot/py_loop@processes*2#S", rate=1e7, speedup=1.01, half_width=0.05)]
    )
    assert "Processes" not in closing(slow, "mandelbrot")


def test_the_default_start_method_speaks_for_processes() -> None:
    found = with_threads(0.98, 0.02)
    more = [
        row("mandelbrot/py_loop@processes*2#S", rate=1.9e7, speedup=1.9),
        row("mandelbrot/py_loop@processes.spawn*2#S", rate=1.7e7, speedup=1.7),
    ]
    found = changed(found, rows=[*found.rows, *more])
    said = closing(found, "mandelbrot")
    assert "Processes give py_loop 1.90x [1.88, 1.92]." in said


def test_released_threads_that_stay_flat_are_said() -> None:
    said = closing(with_threads(1.05, 0.02, "cy_nogil"), "mandelbrot")
    assert "Threads give only cy_nogil 1.05x [1.03, 1.07], though the GIL is released." in said


def test_over_subscribed_cases_do_not_compete() -> None:
    found = mandelbrot()
    found = changed(found, rows=[*found.rows, row("mandelbrot/cy_nogil@threads*8#M", rate=9.9e8, speedup=1.99)])
    assert closing(found, "mandelbrot").startswith("On 2 workers cy_prange@native is fastest")


def test_one_worker_claims_nothing_about_scaling() -> None:
    cases = [row("mandelbrot/py_loop@serial#S", rate=1e7), row("mandelbrot/cy_nogil@serial#M", rate=4e8)]
    said = closing(answer(cases), "mandelbrot")
    assert said.startswith("On one worker cy_nogil@serial is fastest at 400 M iterations/s: 40.0x")
    assert "hreads" not in said


def test_a_loud_machine_takes_its_words_back() -> None:
    loud = changed(mandelbrot(), controls=[control("spin", 2, 1.6), control("A/A", 1, 1.08)])
    said = closing(loud, "mandelbrot")
    assert "The machine's limit is only 1.60 [1.58, 1.62] with 2 workers" in said
    assert "The same code measured twice differs by 1.08 [1.07, 1.09]" in said


def test_an_a_a_control_that_misses_one_by_less_than_is_shown_raises_no_doubt() -> None:
    close = control("A/A", 1, 1.012, half_width=0.01)  # from 1.002: reads 1.01 [1.00, 1.02]
    said = closing(changed(mandelbrot(), controls=[control("spin", 2, 1.94), close]), "mandelbrot")
    assert "measured twice" not in said


def test_a_quiet_machine_raises_no_doubt() -> None:
    said = closing(mandelbrot(), "mandelbrot")
    assert "machine itself" not in said
    assert "measured twice" not in said


def test_nothing_measured_is_said() -> None:
    failed = answer([row("mandelbrot/py_loop@serial#S", status="failed", reason="signal 11")])
    assert closing(failed, "mandelbrot") == "No case of mandelbrot could be measured."


@pytest.mark.parametrize(("blocks", "prefix"), [(2, "Provisional, at 50 % confidence: On"), (12, "On")])
def test_verdicts_from_few_blocks_are_provisional(blocks: int, prefix: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, blocks=blocks)]
    assert closing(answer(cases), "mandelbrot").startswith(f"{prefix} 2 workers")


def test_interpreters_are_named_where_threads_do_not_help_and_weak_rows_are_not_taken_for_threads() -> None:
    made = with_threads(0.98, 0.02)
    more = [
        row("mandelbrot/py_loop@interpreters*2#S", rate=1.9e7, speedup=1.9, half_width=0.02),
        row("mandelbrot/py_loop@threads.weak*2#S", rate=0.9e7, speedup=0.9, half_width=0.02),
    ]
    made = changed(made, rows=[*made.rows, *more])
    said = closing(made, "mandelbrot")
    assert "Interpreters give py_loop 1.90x [1.86, 1.94]." in said
    assert "Threads give py_loop 0.98x [0.96, 1.00]: it holds the GIL." in said
