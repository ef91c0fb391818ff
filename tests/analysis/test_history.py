"""What changed over many runs is found, and nothing else."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from gilscope.analysis.history import read_history
from gilscope.analysis.runs import read_runs
from tests.analysis.planted_runs import WAYS, Truth, plant, stamp, steady, write


@pytest.mark.parametrize("seed", range(20))
def test_two_regressions_and_a_new_machine_are_found_and_nothing_is_invented(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    machine_at = draw.choice([10, 15, 20])
    # Anywhere but within four runs of an end and of the other machine, where there is too little to see.
    places = [run for run in range(4, 27) if abs(run - machine_at) >= 4]
    slower, longer = draw.sample(places, 2)

    def change(run: int, case: str) -> tuple[float, float]:
        return (
            0.9 if case == WAYS[0] and run >= slower else 1.0,
            1.1 if case == WAYS[1] and run >= longer else 1.0,
        )

    plant(tmp_path, seed, change, machine_at=machine_at)
    found = read_history(tmp_path)
    assert {(one.case, one.quantity, one.worse) for one in found.changes} == {
        (WAYS[0], "efficiency", True),
        (WAYS[1], "gil", True),
    }
    first = {one.quantity: one for one in found.changes}
    assert len(found.changes) == 2
    assert abs(first["efficiency"].first - slower) <= 1
    assert abs(first["gil"].first - longer) <= 1
    assert [one.run for one in found.breaks] == [machine_at]
    (cpu,) = found.breaks[0].differences
    assert (cpu.name, cpu.before, cpu.now) == ("cpu_model", "A", "B")


def test_a_change_gives_its_runs_and_both_levels(tmp_path: Path) -> None:
    plant(tmp_path, 1, lambda run, case: (0.9 if run >= 12 and case == WAYS[0] else 1.0, 1.0), runs=20)
    (change,) = read_history(tmp_path).changes
    assert (change.last, change.first) == (11, 12)
    assert change.before.low < 0.95 < change.before.high
    assert change.now.low < 0.855 < change.now.high
    assert (change.before.n, change.now.n) == (12, 8)
    assert change.open


def test_a_change_that_was_taken_back_is_no_regression_any_more(tmp_path: Path) -> None:
    plant(tmp_path, 1, lambda run, case: (0.85 if 8 <= run < 14 and case == WAYS[0] else 1.0, 1.0), runs=24)
    found = read_history(tmp_path)
    assert [(one.worse, one.open) for one in found.changes] == [(True, False), (False, True)]
    assert found.regressions == ()


def test_runs_of_two_machines_in_turn_are_compared_each_with_its_own(tmp_path: Path) -> None:
    draw = random.Random(3)
    for run in range(24):
        here = run % 2
        figures = {case: steady(case) for case in WAYS}
        worse = 0.88 if run >= 13 else 1.0
        truth = Truth(
            efficiency={case: own[0] * (0.8 if here else 1.0) * worse for case, own in figures.items()},
            held={case: own[1] for case, own in figures.items()},
            machine={"cpu_model": "AB"[here]},
        )
        write(tmp_path, run, truth, draw)
    found = read_history(tmp_path)
    assert len(found.breaks) == 23
    assert {one.case for one in found.changes} == set(WAYS)
    assert {one.first for one in found.changes} <= {13, 14}


def test_one_run_that_differs_is_no_change(tmp_path: Path) -> None:
    plant(tmp_path, 2, lambda run, case: (0.7 if run in (9, 10) else 1.0, 1.0), runs=20)
    assert read_history(tmp_path).changes == ()


def test_runs_are_in_the_order_of_their_commits_else_of_their_time(tmp_path: Path) -> None:
    draw = random.Random(1)
    truth = Truth(efficiency={WAYS[0]: 0.9}, held={WAYS[0]: 0.1}, machine={"cpu_model": "A"})
    for day in (3, 1, 2):
        write(tmp_path, day, truth, draw)
    late = write(tmp_path, 9, truth, draw)  # measured last, of the oldest commit
    text = late.read_text()
    commit = json.dumps({"id": "a" * 40, "time_utc": stamp(0)})
    late.write_text(text.replace('"started_utc"', f'"commit":{commit},"started_utc"', 1))
    runs, left_out = read_runs(tmp_path)
    assert [run.path for run in runs] == [f"{day:04}/result.jsonl" for day in (9, 1, 2, 3)]
    assert runs[0].commit == "a" * 10
    assert left_out == ()


def test_what_cannot_be_read_is_left_out_with_the_reason(tmp_path: Path) -> None:
    plant(tmp_path, 1, lambda run, case: (1.0, 1.0), runs=2)
    for name, text in {
        "torn/result.jsonl": '{"schema": "gilscope.result"',
        "notes.jsonl": "{}\n",
        "x.json": "[",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "gates.json").write_text('{"schema": "gilscope.gates", "decisions": [{"test": 1}]}')
    shutil.copy(tmp_path / "0000" / "result.jsonl", tmp_path / "undated.jsonl")
    (tmp_path / "undated.jsonl").write_text((tmp_path / "undated.jsonl").read_text().replace("started_utc", "x"))
    runs, left_out = read_runs(tmp_path)
    assert len(runs) == 3  # the undated one has the time of its commit
    assert [one.path for one in left_out] == ["gates.json", "torn/result.jsonl"]
    assert "not a whole document of gates" in left_out[0].reason


def test_decisions_of_gates_are_runs_too(tmp_path: Path) -> None:
    draw = random.Random(5)
    for day in range(14):
        value = (0.9 if day < 8 else 0.78) * (1 + draw.gauss(0, 0.01)) * 2
        speedup = {"value": value, "low": value * 0.98, "high": value * 1.02, "confidence": 0.95, "blocks": 12}
        held = {"value": 0.1, "low": 0.09, "high": 0.11, "confidence": 0.95, "blocks": 900}
        decisions = [
            {"test": "t.py::a", "gate": "scaling", "executor": "threads", "workers": 2, "speedup": speedup,
             "net_speedup": speedup},
            {"test": "t.py::b", "gate": "gil", "function": "f", "held": held},
            {"test": "t.py::c", "gate": "gil", "function": "f", "held": None},
        ]  # fmt: skip
        document = {
            "schema": "gilscope.gates", "schema_version": 1, "tool_version": "1",
            "environment": {"started_utc": stamp(day), "machine": {"cpu_model": "A"}}, "decisions": decisions,
        }  # fmt: skip
        (tmp_path / f"{day}.json").write_text(json.dumps(document))
    found = read_history(tmp_path)
    assert len(found.runs) == 14
    (change,) = found.changes
    assert (change.case, change.first, change.worse) == ("t.py::a threads*2", 8, True)


def test_libraries_are_marked_and_compared_across(tmp_path: Path) -> None:
    draw = random.Random(1)
    for day in range(16):
        truth = Truth(
            efficiency={WAYS[0]: 0.95 if day < 8 else 0.8},
            held={WAYS[0]: 0.1},
            machine={"cpu_model": "A"},
            libraries={"numpy": "2.1" if day < 8 else "2.2"},
        )
        write(tmp_path, day, truth, draw)
    found = read_history(tmp_path)
    assert found.breaks == ()
    assert [(one.run, str(one.differences[0])) for one in found.libraries] == [
        (8, "library numpy: 2.1 before, 2.2 now")
    ]
    assert [one.first for one in found.changes] == [8]
