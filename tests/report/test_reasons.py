"""The sentences about causes, the second table and the loss bar."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.findings import FINDINGS
from gilscope.report import reasons
from gilscope.report.case import BAR_LETTERS, find_case, render_case, stacked
from gilscope.report.terminal import render, render_kernel
from tests.analysis.causes import PLANTED, PROCESSES, SERIALISED, THREADS
from tests.analysis.rounds import Did, made_of, probe, study
from tests.report.documents import mandelbrot


def kernel_of(document: dict[str, Any]) -> str:
    return str(document["cases"][0]["kernel"])


def parallel(document: dict[str, Any]) -> dict[str, Any]:
    (row,) = [row for row in document["cases"] if row["speedup"]]
    return row


SAID = {
    "scales": "Reaches 0.98 [0.98, 0.98] of what the machine gave, a speed-up of 1.96 [1.96, 1.96]",
    "gil_bound": "Threads lose 50 ±1% of their time to the GIL, it is held 100 ±2% of the time, 1.0 threads wait",
    "gil_held_in_c": "in turns of 20.0 ms by C code that does not let go when asked after 5.00 ms",
    "gil_re_enabled": "This free-threaded build runs with the GIL, switched on by importing old",
    "memory_bound": "the memory system gives 1.27 [1.27, 1.27] where the CPUs give 2.00 [2.00, 2.00]; 36 ±1%",
    "contention": "more CPU time than isolated workers need, 36 ±1% of the core-seconds",
    "imbalance": "Workers wait for each other 17 ±1% of their time; uneven CPU time accounts for 17 ±1%",
    "dispatch_bound": "Handing out work and waking workers takes 50 ±1% of their time; one execution takes 100 ms",
    "lock_bound": "Workers sleep 33 ±1% of their time inside their work",
    "over_subscribed": "4 workers have 2 usable CPUs (the machine has 2 logical CPUs) and queue for them 50 ±1%",
    "nested_parallelism": "own threads: 4 threads for 2 CPUs; a call takes 1.50x [1.50, 1.50] as long as with one",
    "quota_limited": "The cgroup's CPU quota of 2 CPUs stopped threads for 25 ±1% of workers x wall",
    "smt_limited": "2 workers share 1 physical cores: even arithmetic in registers reaches only 1.43 [1.43, 1.43]",
    "stolen": "The hypervisor gave 29 ±1% of workers x wall to other guests",
    "too_noisy": "Other programs took the CPUs 29 ±1% of the time",
}


@pytest.mark.parametrize("code", FINDINGS)
def test_every_finding_is_said_with_its_numbers_and_its_cure(code: str) -> None:
    document = analyse(PLANTED[code]())
    (note,) = [note for note in reasons.finding_notes(document, kernel_of(document)) if note.startswith(f"{code}: ")]
    assert SAID[code] in note
    assert "None" not in note
    assert ("Cure: " in note) == (code != "scales")


@pytest.mark.parametrize("code", FINDINGS)
@pytest.mark.parametrize("width", [80, 120])
def test_findings_fit_the_terminal_in_table_and_case(code: str, width: int) -> None:
    made = PLANTED[code]()
    document = analyse(made)
    table = render_kernel(document, kernel_of(document), width=width)
    one = render_case(document, parallel(document), made, width=width)
    assert max(map(len, (table + one).splitlines())) <= width
    assert code in table
    assert f"{code}: " in one


def test_the_table_shows_the_gil_the_largest_loss_and_the_finding() -> None:
    document = analyse(PLANTED["gil_bound"]())
    text = render(document, width=120)
    (line,) = [line for line in text.splitlines() if line.startswith("py_loop@threads*2 ")]
    assert line.split() == ["py_loop@threads*2", "100", "±2%", "1.00", "GIL", "wait", "50", "±1%", "gil_bound"]


def test_files_without_stamps_have_one_table_only() -> None:
    assert "largest loss" not in render(mandelbrot(), width=120)


def test_a_loss_that_may_be_none_is_not_called_the_largest() -> None:
    made = study(PROCESSES, made_of(Did(cpu=50, rest=5), Did(cpu=50, rest=5)))
    quiet = made_of(Did(cpu=50), Did(cpu=50))
    blocks = tuple(
        dataclasses.replace(block, rounds={**block.rounds, PROCESSES: quiet}) if index % 2 else block
        for index, block in enumerate(made.blocks)
    )
    assert reasons.largest_loss(parallel(analyse(made))) == "blocked 9 ±1%"
    assert reasons.largest_loss(parallel(analyse(dataclasses.replace(made, blocks=blocks)))) == "-"


def test_frequent_hand_overs_are_said() -> None:
    busy = study(THREADS, SERIALISED, gil=[probe(0.6, 1.0, turn_s=3e-5)] * 3)
    (note,) = reasons.finding_notes(analyse(busy), "nbody")
    assert "it changes hands 20.0 k times a second: the calls that release it are short" in note


def test_the_signature_names_itself() -> None:
    (note,) = reasons.finding_notes(analyse(study(THREADS, SERIALISED)), "nbody")
    assert "2 threads keep 1.00 [1.00, 1.00] CPUs busy" in note
    assert "probe unavailable: no diagnostic round" in note


def test_many_cases_of_one_cause_are_counted() -> None:
    document = analyse(PLANTED["gil_bound"]())
    (group,) = document["findings"]
    row, (evidence,) = parallel(document), group["evidence"].values()
    for chunks in range(5, 10):
        name = f"{THREADS}~c{chunks}"
        document["cases"].append({**row, "case": name})
        group["cases"].append(name)
        group["evidence"][name] = evidence
    (note,) = reasons.finding_notes(document, "nbody")
    assert " and 2 more. Threads lose" in note


def test_what_stays_unexplained_is_said() -> None:
    asleep = analyse(study(PROCESSES, made_of(Did(cpu=50, rest=2), Did(cpu=50, rest=2))))
    assert reasons.unexplained_note(asleep, "nbody") == ("blocked or unexplained beyond 3 %: py_loop@processes*2 3.8 %")
    quiet = analyse(study(PROCESSES, made_of(Did(cpu=50, rest=1), Did(cpu=50, rest=1))))
    assert reasons.unexplained_note(quiet, "nbody") == ""
    unwatched = analyse(study(THREADS, made_of(Did(cpu=50, rest=2), Did(cpu=50, rest=2))))
    assert reasons.unexplained_note(unwatched, "nbody") == ""  # it may be the GIL


# One case -------------------------------------------------------------------------------------------------------------


def test_the_bar_has_a_letter_for_every_part_by_its_size() -> None:
    made = study(PROCESSES, made_of(Did(cpu=50, rest=25, late=25), Did(cpu=50, queued=25, late=25)))
    document = analyse(made)
    text = render_case(document, parallel(document), made, width=80)
    bar = next(line for line in text.splitlines() if line.startswith("[="))
    assert len(bar) == 78
    assert {letter: bar.count(letter) for letter in "=dqb"} == {"=": 38, "d": 18, "q": 10, "b": 10}
    for said in ("= work of T(1) 50%", "d dispatch 25 ±1%", "q run queue 12 ±1%", "b blocked 12 ±1%"):
        assert said in facts_of(text)


@pytest.mark.parametrize("parts", [[0.5, 0.5], [1 / 3] * 3, [1.2, 0.0, 0.1], [0.001] * 7, [0.0], [1.0]])
@pytest.mark.parametrize("columns", [1, 10, 76])
def test_a_stacked_bar_is_as_wide_as_asked(parts: list[float], columns: int) -> None:
    letters = "abcdefgh"
    bar = stacked(list(zip(letters, parts, strict=False)), columns)
    assert len(bar) == columns
    for letter, part in zip(letters, parts, strict=False):
        assert abs(bar.count(letter) - columns * part / (sum(parts) or 1)) <= 1


def test_every_loss_has_a_letter_and_a_word() -> None:
    assert set(BAR_LETTERS) - {"work"} == set(reasons.LOSS_WORDS)
    assert len(set(BAR_LETTERS.values())) == len(BAR_LETTERS)


def facts_of(text: str) -> list[str]:
    """Return the lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_one_case_tells_ceilings_and_what_the_probe_saw() -> None:
    made = PLANTED["memory_bound"]()
    document = analyse(made)
    lines = facts_of(render_case(document, find_case(document, "triad/cy_nogil@threads*2#M"), made, width=120))
    for known in (
        "spin control 2.00 [2.00, 2.00]",
        "isolated 1.27 [1.27, 1.27] (of triad/cy_nogil@threads*2#M)",
        "lost to machine 0 ±1%, memory 37 ±1%, software 1 ±1%",
        "GIL no diagnostic round of this case was measured; give it a larger --budget",
    ):
        assert known in lines
    bound = PLANTED["gil_bound"]()
    lines = facts_of(render_case(analyse(bound), parallel(analyse(bound)), bound, width=120))
    for known in ("GIL held 100 ±2%", "threads waiting 1.00 [0.99, 1.01]", "hand-overs 200/s", "asked in vain 0 ±2%"):
        assert known in lines


def test_one_case_says_who_switched_the_gil_on() -> None:
    made = PLANTED["gil_re_enabled"]()
    lines = facts_of(render_case(analyse(made), parallel(analyse(made)), made, width=120))
    assert "GIL on by importing old" in lines
