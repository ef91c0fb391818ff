"""The sentences about causes, the second table and the loss bar."""

from __future__ import annotations

import dataclasses

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.answer import Answer
from gilscope.analysis.findings import FINDINGS
from gilscope.analysis.rows import CaseRow
from gilscope.report.sentences.findings import finding_notes, largest_loss, sentence, unexplained_note
from gilscope.report.terminal import render, render_kernel
from gilscope.report.terminal.case import render_case
from tests.analysis.causes import PLANTED, PROCESSES, SERIALISED, THREADS, faulting
from tests.analysis.rounds import Did, alone, made_of, probe, study
from tests.report.answers import changed, mandelbrot


def kernel_of(found: Answer) -> str:
    return found.rows[0].case.kernel


def parallel(found: Answer) -> CaseRow:
    (row,) = [row for row in found.rows if row.speedup]
    return row


SAID = {
    "scales": "Speed-up 1.96 [1.96, 1.96], 0.98 [0.98, 0.98] of the machine's limit (both net of other programs)",
    "scales_partly": "(both net of other programs); the largest loss is",
    "not_repeatable": "A call at the end takes 1.95 times as long as one at the beginning",
    "too_short": "A call takes 50.0 ns, an empty function 40.0 ns",
    "superlinear": "2 workers do 2.50x [2.50, 2.50] the work of one; the same work takes 0.80x",
    "page_faults": "Page faults take 19 ±1% of the workers' time and 30 ±1% of one worker's alone, 4,000 and 4,000",
    "inflation": "The same work takes 1.60x [1.60, 1.60] the CPU time, 38 ±1% of the workers' time",
    "gil_bound": "Threads lose 50 ±1% of their time to the GIL; it is held 100 ±2% of the time, 1.0 threads wait",
    "gil_held_in_c": "C code keeps it for 20.0 ms at a time, past the switch interval of 5.00 ms",
    "gil_re_enabled": "This free-threaded build runs with the GIL, switched on by importing old",
    "memory_bound": "reach 1.27 [1.27, 1.27] where the CPUs reach 2.00 [2.00, 2.00]: waiting for memory costs 36 ±1%",
    "contention": "more CPU time than on private copies, 36 ±1% of the workers' time",
    "imbalance": "Workers wait for each other 17 ±1% of their time; uneven CPU time accounts for 17 ±1%",
    "dispatch_bound": "Handing out work and waking workers takes 50 ±1% of their time; one execution takes 100 ms",
    "lock_bound": "Workers sleep 33 ±1% of their time during their work",
    "gil_or_lock": "blocked 23 ±1% of their time by a lock or by the GIL, which is held 60 ±",
    "over_subscribed": "4 workers share 2 usable CPUs (the machine has 2 logical CPUs) and queue for them 50 ±1%",
    "nested_parallelism": "own threads: 4 threads for 2 CPUs; a call takes 1.50x [1.50, 1.50] as long as with one",
    "quota_limited": "The cgroup's CPU quota of 2 CPUs stopped threads 25 ±1% of their time",
    "smt_limited": "2 workers share 1 physical core: arithmetic in registers reaches only 1.43 [1.43, 1.43]",
    "stolen": "The hypervisor gave 29 ±1% of the workers' time to other guests",
    "too_noisy": "Undecided: between 71 and 100 % of the machine's limit",
}


def test_page_faults_of_functions_are_those_of_one_call() -> None:
    seen = faulting(made_of(Did(cpu=52), Did(cpu=52)), 4000, 20.0)
    found = analyse(study("mod:f/f@processes*2#8", seen, single=faulting(alone(), 800, 30.0)))
    (note,) = [note for note in finding_notes(found, "mod:f") if note.startswith("page_faults: ")]
    assert "500 and 100 per call" in note


@pytest.mark.parametrize("code", FINDINGS)
def test_every_finding_is_said_with_its_numbers_and_its_cure(code: str) -> None:
    found = analyse(PLANTED[code]())
    (note,) = [note for note in finding_notes(found, kernel_of(found)) if note.startswith(f"{code}: ")]
    assert SAID[code] in note
    assert "None" not in note
    assert ("Fix: " in note) == (code not in ("scales", "scales_partly"))


@pytest.mark.parametrize(
    ("code", "alike"),
    [
        ("smt_limited", "Clocks that fall with busy cores (turbo) look the same"),
        ("contention", "Memory on another NUMA node looks the same"),
        ("memory_bound", "Vector code (AVX) whose clocks fall with busy cores looks the same"),
        ("inflation", "lower clocks of vector code"),
    ],
)
def test_what_no_clock_tells_apart_is_said(code: str, alike: str) -> None:
    found = analyse(PLANTED[code]())
    assert any(alike in note for note in finding_notes(found, kernel_of(found)))


@pytest.mark.parametrize("code", FINDINGS)
@pytest.mark.parametrize("width", [80, 120])
def test_findings_fit_the_terminal_in_table_and_case(code: str, width: int) -> None:
    made = PLANTED[code]()
    found = analyse(made)
    table = render_kernel(found, kernel_of(found), width=width)
    one = render_case(found, parallel(found), made, width=width)
    assert max(map(len, (table + one).splitlines())) <= width
    assert code in table
    assert f"{code}: " in one


def test_the_table_shows_the_gil_the_largest_loss_and_the_finding() -> None:
    found = analyse(PLANTED["gil_bound"]())
    text = render(found, width=120)
    line, product = [line for line in text.splitlines() if line.startswith("py_loop@threads*2 ")]
    assert line.split() == ["py_loop@threads*2", "100", "±2%", "1.00", "GIL", "wait", "50", "±1%", "gil_bound"]
    assert product.split() == ["py_loop@threads*2", "0.50", "1.00", "0.50", *["1.00"] * 5]


def test_files_without_stamps_have_one_table_only() -> None:
    assert "largest loss" not in render(mandelbrot(), width=120)


def test_a_loss_that_may_be_none_is_not_called_the_largest() -> None:
    made = study(PROCESSES, made_of(Did(cpu=50, rest=5), Did(cpu=50, rest=5)))
    quiet = made_of(Did(cpu=50), Did(cpu=50))
    blocks = tuple(
        dataclasses.replace(block, rounds={**block.rounds, PROCESSES: quiet}) if index % 2 else block
        for index, block in enumerate(made.blocks)
    )
    assert largest_loss(parallel(analyse(made))) == "blocked 9 ±1%"
    assert largest_loss(parallel(analyse(dataclasses.replace(made, blocks=blocks)))) == "-"


def test_frequent_hand_overs_are_said() -> None:
    busy = study(THREADS, SERIALISED, gil=[probe(0.6, 1.0, turn_s=3e-5)] * 3)
    (note,) = finding_notes(analyse(busy), "nbody")
    assert "it changes hands 20.0 k times a second because the calls that release it are short" in note


def test_the_signature_names_itself() -> None:
    (note,) = finding_notes(analyse(study(THREADS, SERIALISED)), "nbody")
    assert "2 threads keep 1.00 [1.00, 1.00] CPUs busy" in note
    assert "probe unavailable: no diagnostic round" in note


def test_many_cases_of_one_cause_are_counted() -> None:
    found = analyse(PLANTED["gil_bound"]())
    row = parallel(found)
    more = [dataclasses.replace(row, case=dataclasses.replace(row.case, chunks_per_worker=n)) for n in range(5, 10)]
    found = changed(found, rows=[*found.rows, *more])
    (note,) = finding_notes(found, "nbody")
    assert " and 2 more. Threads lose" in note


def test_what_stays_unexplained_is_said() -> None:
    asleep = analyse(study(PROCESSES, made_of(Did(cpu=50, rest=2), Did(cpu=50, rest=2))))
    assert [*unexplained_note(asleep, "nbody")] == ["blocked or unexplained beyond 3 %: py_loop@processes*2 3.8 %"]
    quiet = analyse(study(PROCESSES, made_of(Did(cpu=50, rest=1), Did(cpu=50, rest=1))))
    assert [*unexplained_note(quiet, "nbody")] == []
    unwatched = analyse(study(THREADS, made_of(Did(cpu=50, rest=2), Did(cpu=50, rest=2))))
    assert [*unexplained_note(unwatched, "nbody")] == []  # it may be the GIL


@pytest.mark.parametrize("swing", [None, 1.72])
def test_noise_of_the_cpu_itself_is_said(swing):
    row = parallel(analyse(PLANTED["too_noisy"]()))
    (found,) = [found for found in row.findings if found.code == "too_noisy"]
    swung = dataclasses.replace(found, evidence=dataclasses.replace(found.evidence, swing=swing))
    assert ("One worker alone takes up to 1.7 times as much CPU time" in sentence(swung, row)) == bool(swing)


def test_the_line_that_holds_the_gil_is_named() -> None:
    call = {"frame": {"file": "server.py", "function": "do_POST", "line": 7}, "callee": "json.loads", "blame": 1.0}
    seen = probe(1.0, 1.0, calls=[{**call, "held": 1.0, "waits_gil": 0.0, "waits_lock": 0.0, "samples": 9}])
    found = analyse(study(THREADS, SERIALISED, gil=[seen] * 3))
    text = render_kernel(found, kernel_of(found), width=120)
    assert "it is held by json.loads called at server.py:7, 100 % of the blame" in " ".join(text.split())
