"""The closing sentences about the user's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gilscope.analysis.answer import Answer
from gilscope.analysis.rows import CaseRow, ControlRow
from gilscope.kernels.user import Request
from gilscope.profile.targets import own_functions
from gilscope.report.sentences import closing
from gilscope.report.sentences.functions import preamble
from tests.report.answers import answer, control, estimate, row


def _answer(*rows: CaseRow, hand_over_s: float = 2e-5, controls: Sequence[ControlRow] = ()) -> Answer:
    costs = {"threads": hand_over_s, "processes": 10 * hand_over_s}
    return answer(rows, controls, environment={"hand_over_s": costs}, study={"functions": ["mod:f"]})


def _rows(threads: float, processes: float, *, calls_per_s: float = 100.0, half_width: float = 0.02) -> list[CaseRow]:
    def made(executor: str, speedup: float, **more: Any) -> CaseRow:
        case = f"mod:f/f@{executor}#64"
        rate = calls_per_s * speedup
        return row(case, rate=rate, speedup=speedup, half_width=half_width, fastest=calls_per_s, **more)

    return [
        made("serial", 1.0),
        made("threads*2", threads, findings=["gil_bound"] if threads < 1.2 else ["scales"]),
        made("processes*2", processes, findings=["scales"]),
    ]


def test_the_best_way_is_named_with_what_stops_the_others() -> None:
    text = closing(_answer(*_rows(1.0, 1.9)), "mod:f")
    assert "f: best with 2 processes, 1.90x [1.86, 1.94] over one call at a time." in text
    assert "2 threads give 1.00x [0.98, 1.02]: gil_bound." in text


def test_a_best_way_that_is_undecided_itself_is_not_called_best() -> None:
    serial, _, processes = _rows(1.0, 1.9, half_width=0.3)
    text = closing(_answer(serial, replace(processes, findings=())), "mod:f")
    assert "f: 2 processes look best, not certain: 1.90x [" in text
    assert "best with" not in text


def test_nothing_is_best_when_nothing_gains() -> None:
    rows = _rows(1.0, 0.9)
    assert _answer(*rows).verdict("mod:f").functions[0].best == ()
    assert "nothing gains 1.1x; run one call at a time" in closing(_answer(*rows), "mod:f")


def test_a_machine_that_gave_one_cpu_is_no_verdict_on_the_function() -> None:
    found = _answer(*_rows(1.0, 0.9), controls=[control("spin", 2, 1.1, of="mod:f")])
    assert "the machine's limit is no higher" in closing(found, "mod:f")


def test_wide_intervals_are_no_verdict() -> None:
    assert "undecided whether more workers help" in closing(_answer(*_rows(1.1, 1.2, half_width=0.15)), "mod:f")


def test_what_libraries_do_by_themselves_are_ways_of_the_same_function() -> None:
    rows = [
        *_rows(1.9, 1.8),
        row("mod:f/f@native*2#64", rate=150.0, speedup=1.5, fastest=100.0),
        row("mod:f/f@threads.all*2#64", rate=90.0, speedup=0.6, fastest=100.0, findings=["nested_parallelism"]),
    ]
    text = closing(_answer(*rows), "mod:f")
    assert text.count("f: ") == 1
    assert "Its libraries' own 2 threads give 1.50x" in text
    assert "2 threads with its libraries' own threads in each give 0.60x" in text
    assert "nested_parallelism" in text


def test_ways_that_tie_for_best_are_named_together() -> None:
    text = closing(_answer(*_rows(1.88, 1.9)), "mod:f")
    assert "f: best with 2 processes, 1.90x [1.86, 1.94] over one call at a time, tied with 2 threads." in text


def test_a_way_that_is_too_noisy_is_never_the_best() -> None:
    noisy = row("mod:f/f@threads.all*2#64", rate=350.0, speedup=3.5, half_width=0.35, fastest=100.0, status="too_noisy")
    found = _answer(*_rows(1.0, 1.5), noisy)
    assert "f: best with 2 processes, 1.50x" in closing(found, "mod:f")
    alone = _answer(*_rows(1.0, 0.9), noisy)
    assert (alone.verdict("mod:f").functions[0].best, alone.verdict("mod:f").gains) == ((), True)
    assert "f: undecided which way is best; use a larger --budget" in closing(alone, "mod:f")


def test_the_speedup_that_decided_is_said_where_the_timed_one_is_far_from_it() -> None:
    serial, threads, processes = _rows(0.98, 0.9)
    rows = serial, replace(threads, net_speedup=estimate(1.9, 0.02)), replace(processes, net_speedup=estimate(0.9))
    text = closing(_answer(*rows), "mod:f")
    assert "f: best with 2 threads, 1.90x [1.86, 1.94] net of other programs (0.98x as timed) over one call" in text
    assert "2 processes give 0.90x [0.89, 0.91]." in text


def _kept(single: float, threads: float, speedup: float) -> list[CaseRow]:
    """Return the rows that keep their memory: by how much that is faster, and the speed-up of the threads."""

    def made(how: str, gain: float, rate: float, **more: Any) -> CaseRow:
        return row(f"mod:f/f@{how}#64", rate=rate, fastest=100.0, kept_memory_speedup=estimate(gain, 0.02), **more)

    return [
        made("serial.kept", single, 100.0 * single),
        made("threads.kept*2", threads, 100.0 * single * speedup, speedup=speedup, findings=["scales"]),
    ]


def test_what_kept_memory_gives_is_said_of_one_thread_and_of_several() -> None:
    text = closing(_answer(*_rows(1.9, 1.7), *_kept(1.5, 1.5, 1.9)), "mod:f")
    assert "f: best with 2 threads that keep their memory, 1.90x [1.88, 1.92] over one that does." in text
    assert "makes one thread 1.50x [1.47, 1.53] and 2 threads 1.50x [1.47, 1.53] as fast" in text
    assert "2 threads give 1.90x" in text


def test_a_way_that_one_thread_with_kept_memory_beats_is_not_the_best() -> None:
    found = _answer(*_rows(1.9, 1.7), *_kept(3.0, 1.6, 1.0))
    assert (found.verdict("mod:f").functions[0].best, found.verdict("mod:f").gains) == ((), False)
    assert "nothing gains 1.1x over one thread that keeps its memory" in closing(found, "mod:f")


@pytest.mark.parametrize(
    ("calls_per_s", "advice"), [(100.0, "submit calls one by one"), (10_000.0, "submit batches of 20 or more")]
)
def test_short_calls_are_handed_over_in_batches(calls_per_s: float, advice: str) -> None:
    assert advice in closing(_answer(*_rows(1.0, 1.9, calls_per_s=calls_per_s)), "mod:f")


def test_the_preamble_says_what_is_imported_and_run() -> None:
    request = Request(
        functions=own_functions(["json:dumps"], Path("/")), folder="/work", arguments="((1,), {'indent': 2})"
    )
    assert preamble(request) == "imports from /work and calls json:dumps(1, indent=2); one call is one task"
