"""The sentences: what they claim, and what keeps them from claiming it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from gilscope.analysis import json_schema
from gilscope.report import notes
from tests.report.documents import control, document, mandelbrot, row


def with_threads(speedup: float, half_width: float, implementation: str = "py_loop", **more: Any) -> dict[str, Any]:
    """Return a document with one implementation, serial and on two threads."""
    name = f"mandelbrot/{implementation}"
    cases = [
        row(f"{name}@serial#S", rate=1e7),
        row(f"{name}@threads*2#S", rate=1e7 * speedup, speedup=speedup, half_width=half_width, **more),
    ]
    return document(cases, [control("spin", 2, 1.94), control("A/A", 1, 1.0)])


@pytest.mark.parametrize(
    "made", [mandelbrot(), mandelbrot(interrupted=True), document([])], ids=["full", "cut", "empty"]
)
def test_the_documents_of_these_tests_are_documents(made: dict[str, Any]) -> None:
    jsonschema.validate(made, json_schema())


def test_the_winner_is_named_with_its_gains() -> None:
    said = notes.closing(mandelbrot(), "mandelbrot")
    assert said.startswith("On 2 workers cy_prange@native is fastest at 730 M iterations/s: 1.93x [1.91, 1.95]")
    assert "45.6x [44.7, 46.5] the pure-Python loop (measured at S)" in said


def test_intervals_that_touch_make_no_winner() -> None:
    cases = [
        row("mandelbrot/cy_nogil@threads*2#M", rate=7.0e8, speedup=1.92, half_width=0.03),
        row("mandelbrot/cy_prange@native*2#M", rate=7.2e8, speedup=1.93, half_width=0.03),
        row("mandelbrot/nb_prange@native*2#M", rate=5.0e8, speedup=1.93, half_width=0.03),
    ]
    said = notes.closing(document(cases), "mandelbrot")
    assert "cy_prange@native and cy_nogil@threads are fastest and cannot be told apart" in said
    assert "is fastest" not in said


def test_many_rivals_are_counted_not_named() -> None:
    cases = [
        row(f"mandelbrot/{name}@threads*2#M", rate=7.0e8, speedup=1.92, half_width=0.03)
        for name in ("np_vec", "cy_gil", "cy_nogil", "nb_gil", "nb_nogil")
    ]
    assert "it cannot be told which of 5 cases is fastest" in notes.closing(document(cases), "mandelbrot")


def test_without_intervals_nobody_wins() -> None:
    cases = [
        row("mandelbrot/cy_nogil@threads*2#M", rate=7.0e8, speedup=1.92),
        row("mandelbrot/cy_prange@native*2#M", rate=9.0e8, speedup=1.93),
    ]
    for case in cases:
        case["vs_fastest_serial"] = {**case["vs_fastest_serial"], "confidence": 0.0}
    assert "cannot be told apart" in notes.closing(document(cases), "mandelbrot")


def test_the_gil_is_named_where_the_whole_interval_shows_it() -> None:
    said = notes.closing(with_threads(0.98, 0.02), "mandelbrot")
    assert "Threads give py_loop 0.98x [0.96, 1.00]: it holds the GIL." in said


def test_an_interval_that_leaves_both_open_decides_nothing() -> None:
    said = notes.closing(with_threads(1.2, 0.2), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Cannot tell whether threads help py_loop 1.20x [0.96, 1.44]" in said


def test_a_gil_holder_that_scales_is_not_called_bound() -> None:
    said = notes.closing(with_threads(1.8, 0.02), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Cannot tell whether" not in said


def test_the_gil_is_not_blamed_where_the_machine_gave_nothing_either() -> None:
    found = {**with_threads(0.98, 0.02), "controls": [control("spin", 2, 1.06, half_width=0.2)]}
    said = notes.closing(found, "mandelbrot")
    assert "holds the GIL" not in said
    assert "the control did not certainly gain more" in said
    assert "The machine itself gave 1.06 [0.85, 1.27] of 2 CPUs" in said


def test_what_the_probe_found_needs_no_control() -> None:
    seen = {**with_threads(0.98, 0.02, findings=["gil_bound"]), "controls": []}
    assert "py_loop 0.98x [0.96, 1.00]: it holds the GIL." in notes.closing(seen, "mandelbrot")
    named_otherwise = with_threads(0.98, 0.02, "cy_nogil", findings=["gil_held_in_c"])
    assert "though the GIL is released" not in notes.closing(named_otherwise, "mandelbrot")


def test_without_a_control_the_gil_is_not_blamed() -> None:
    assert "holds the GIL" not in notes.closing({**with_threads(0.98, 0.02), "controls": []}, "mandelbrot")


def test_noisy_cases_are_named_together_with_one_cure() -> None:
    noisy = {"status": "too_noisy", "reason": "anywhere", "cure": "stop other programs"}
    cases = [row("mandelbrot/py_loop@threads*2#S", **noisy), row("mandelbrot/cy_gil@threads*2#M", **noisy)]
    said = notes.noise_note(cases)
    assert "py_loop@threads*2, cy_gil@threads*2" in said
    assert said.count("stop other programs") == 1


def test_without_a_gil_nothing_is_blamed_on_it() -> None:
    said = notes.closing(with_threads(0.98, 0.02, gil={"enabled": False}), "mandelbrot")
    assert "holds the GIL" not in said
    assert "Without a GIL threads give py_loop 0.98x" in said


def test_processes_are_named_only_where_they_help() -> None:
    assert "Processes give py_loop 1.86x [1.84, 1.88]." in notes.closing(mandelbrot(), "mandelbrot")
    slow = with_threads(0.98, 0.02)
    slow["cases"].append(row("mandelbrot/py_loop@processes*2#S", rate=1e7, speedup=1.01, half_width=0.05))
    assert "Processes" not in notes.closing(slow, "mandelbrot")


def test_the_default_start_method_speaks_for_processes() -> None:
    found = with_threads(0.98, 0.02)
    found["cases"] += [
        row("mandelbrot/py_loop@processes*2#S", rate=1.9e7, speedup=1.9),
        row("mandelbrot/py_loop@processes.spawn*2#S", rate=1.7e7, speedup=1.7),
    ]
    said = notes.closing(found, "mandelbrot")
    assert "Processes give py_loop 1.90x [1.88, 1.92]." in said


def test_released_threads_that_stay_flat_are_said() -> None:
    said = notes.closing(with_threads(1.05, 0.02, "cy_nogil"), "mandelbrot")
    assert "Threads give only cy_nogil 1.05x [1.03, 1.07], though the GIL is released." in said


def test_over_subscribed_cases_do_not_compete() -> None:
    found = mandelbrot()
    found["cases"].append(row("mandelbrot/cy_nogil@threads*8#M", rate=9.9e8, speedup=1.99))
    assert notes.closing(found, "mandelbrot").startswith("On 2 workers cy_prange@native is fastest")


def test_one_worker_claims_nothing_about_scaling() -> None:
    cases = [row("mandelbrot/py_loop@serial#S", rate=1e7), row("mandelbrot/cy_nogil@serial#M", rate=4e8)]
    said = notes.closing(document(cases), "mandelbrot")
    assert said.startswith("On one worker cy_nogil@serial is fastest at 400 M iterations/s: 40.0x")
    assert "hreads" not in said


def test_a_loud_machine_takes_its_words_back() -> None:
    loud = {**mandelbrot(), "controls": [control("spin", 2, 1.6), control("A/A", 1, 1.08)]}
    said = notes.closing(loud, "mandelbrot")
    assert "The machine itself gave 1.60 [1.58, 1.62] of 2 CPUs" in said
    assert "A/A control reads 1.08 [1.07, 1.09] instead of 1" in said


def test_an_a_a_control_that_misses_one_by_less_than_is_shown_raises_no_doubt() -> None:
    close = control("A/A", 1, 1.012, half_width=0.01)  # from 1.002: reads 1.01 [1.00, 1.02]
    assert "A/A" not in notes.closing({**mandelbrot(), "controls": [control("spin", 2, 1.94), close]}, "mandelbrot")


def test_a_quiet_machine_raises_no_doubt() -> None:
    said = notes.closing(mandelbrot(), "mandelbrot")
    assert "machine itself" not in said
    assert "A/A" not in said


def test_nothing_measured_is_said() -> None:
    failed = document([row("mandelbrot/py_loop@serial#S", status="failed", reason="signal 11")])
    assert notes.closing(failed, "mandelbrot") == "No case of mandelbrot could be measured."


@pytest.mark.parametrize(("blocks", "percent"), [(2, "50 %"), (3, "75 %"), (5, "93 %")])
def test_few_blocks_state_their_confidence(blocks: int, percent: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, blocks=blocks)]
    said = notes.precision_note(document(cases), "mandelbrot")
    assert percent in said
    assert "6 blocks give 95 %" in said


@pytest.mark.parametrize(("blocks", "prefix"), [(2, "Provisional, at 50 % confidence: On"), (12, "On")])
def test_verdicts_from_few_blocks_are_provisional(blocks: int, prefix: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, blocks=blocks)]
    assert notes.closing(document(cases), "mandelbrot").startswith(f"{prefix} 2 workers")


def test_the_control_of_the_memory_is_said_beside_that_of_the_cpus() -> None:
    found = {**mandelbrot(), "controls": [control("spin", 2, 1.94), control("isolated", 2, 1.7)]}
    assert notes.controls_note(found, "mandelbrot") == (
        "spin(2) 1.94 [1.92, 1.96] is what the machine gave; "
        "isolated cy_nogil(2) 1.70 [1.68, 1.72] is what its memory gave"
    )


def test_enough_blocks_need_no_word_about_confidence() -> None:
    assert "confidence" not in notes.precision_note(mandelbrot(), "mandelbrot")


@pytest.mark.parametrize(("half_width", "outcome"), [(0.03, "reached"), (0.08, "not reached: a larger --budget")])
def test_precision_is_held_against_what_was_asked(half_width: float, outcome: str) -> None:
    cases = [row("mandelbrot/cy_nogil@threads*2#M", speedup=1.9, half_width=half_width)]
    said = notes.precision_note(document(cases), "mandelbrot")
    assert f"asked ±5 %, {outcome}" in said
    assert "12 blocks" in said


def test_a_reason_is_said_once_for_all_it_concerns() -> None:
    reason = {"status": "unavailable", "reason": "numba is not installed", "cure": "pip install 'gilscope[numba]'"}
    cases = [row(f"mandelbrot/{name}@serial#M", **reason) for name in ("nb_gil", "nb_nogil")]
    fork = {"status": "unavailable", "reason": "this platform cannot fork"}
    cases += [row("mandelbrot/py_loop@serial#S"), row("mandelbrot/py_loop@processes.fork*2#S", **fork)]
    assert notes.unavailable_notes(cases) == [
        "nb_gil, nb_nogil: numba is not installed; pip install 'gilscope[numba]'",
        "py_loop (processes.fork): this platform cannot fork",
    ]


def test_the_largest_one_time_cost_of_each_kind_is_said() -> None:
    cases = [
        row("mandelbrot/nb_prange@native*2#M", one_time_s={"jit": 1.4, "import": 0.3}, jit_cache="cold"),
        row("mandelbrot/py_loop@processes*2#S", one_time_s={"start": 0.2, "import": 0.004}),
    ]
    assert notes.one_time_note(cases) == (
        "not in the rates, at most: starting workers 200 ms (py_loop@processes), import 300 ms (nb_prange@native), "
        "JIT (cold) 1.40 s (nb_prange@native)"
    )


def test_interpreters_are_named_where_threads_do_not_help_and_weak_rows_are_not_taken_for_threads() -> None:
    made = with_threads(0.98, 0.02)
    made["cases"] += [
        row("mandelbrot/py_loop@interpreters*2#S", rate=1.9e7, speedup=1.9, half_width=0.02),
        row("mandelbrot/py_loop@threads.weak*2#S", rate=0.9e7, speedup=0.9, half_width=0.02),
    ]
    said = notes.closing(made, "mandelbrot")
    assert "Interpreters give py_loop 1.90x [1.86, 1.94]." in said
    assert "Threads give py_loop 0.98x [0.96, 1.00]: it holds the GIL." in said
