"""The whole program on planted worlds: a fixed sample of drawn ones, and those that show a known defect."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from gilscope.stats import Estimate
from tests.worlds.draw import drawn
from tests.worlds.judge import Judged, judge, played
from tests.worlds.tables import report
from tests.worlds.world import Machine, Program, World, WorldError, from_json, load, to_json

NAMED = Path(__file__).parent / "named"

SAMPLE = range(1, 61)


@pytest.mark.parametrize("seed", SAMPLE)
def test_nothing_wrong_is_said_of_a_drawn_world(seed: int) -> None:
    found = judge(drawn(seed))
    assert found.grade != "wrong", found.why


@pytest.mark.parametrize(
    "name",
    [
        "barrier_waits_under_turbo",  # defect 1: without queueing drops waiting at barriers
        "barrier_prices_on_shared_cores",  # defect 1: without queueing drops the price of barriers
        "steal_elsewhere_and_the_gil",  # defect 2: steal of the whole node outranks the GIL
        "gil_without_waiters",  # defect 5: waiting for the GIL is called a lock
        "calls_that_grow",  # defect 6: no two calls are alike
        "lock_behind_smt",  # defect 8: a saturated control hides a lock
        "short_controls_of_many_workers",  # defect 12: the control's barriers cost 64 workers a tenth
        "precise_and_between",  # defect 13: precise and unnamed
        "faults_of_one_thread",  # defect 14: page faults of T(1) are a speed-up
        "cpu_time_grows_in_processes",  # defect 15: CPU time grows and has no name
        "dispatch_in_a_crowd",  # more workers than CPUs explain no more than the time they queued
        "steal_from_holders",  # what is stolen from whoever holds the GIL, all wait for
        "memory_and_contention",  # of two factors on the CPU time the larger comes first, not the later
    ],
)
def test_named_worlds_are_judged_right(name: str) -> None:
    found = judge(load(NAMED / f"{name}.json"))
    assert found.grade == "right", (found.said, found.why)


@pytest.mark.parametrize(
    "name",
    [
        "barrier_waits_under_turbo",  # defect 1: the gate goes by what is without waiting
        "barrier_prices_on_shared_cores",  # defect 1: the gate goes by what is without waiting
    ],
)
def test_gates_on_named_worlds(name: str) -> None:
    assert judge(load(NAMED / f"{name}.json"), gate=True).gate == "right"


def _gil_row(name: str) -> tuple[Estimate, Estimate]:
    """Return (threads that wait, share lost to waiting) of a world's case."""
    world = load(NAMED / f"{name}.json")
    answer, _ = played(world)
    row = next(row for row in answer.rows if row.case.executor == "threads" and row.case.workers == world.workers)
    lost = (row.losses or {})["gil_wait"]
    assert row.gil.waiting is not None
    assert lost is not None
    return row.gil.waiting, lost


def test_the_share_lost_to_the_gil_is_no_surer_than_the_count_of_waiters() -> None:
    waiting, lost = _gil_row("gil_seen_by_few_rounds")
    assert lost.low == pytest.approx(waiting.low / 2, rel=0.02)  # of two workers
    assert lost.value < lost.high <= 1.000001 * waiting.high / 2  # at most what they were idle


def test_one_diagnostic_round_gives_no_confidence_of_95_per_cent() -> None:
    waiting, _ = _gil_row("gil_seen_by_few_rounds")
    assert waiting.confidence < 0.95 or waiting.n > 1


def test_a_world_survives_its_file(tmp_path: Path) -> None:
    for seed in range(1, 40):
        world = drawn(seed)
        path = tmp_path / "world.json"
        path.write_text(to_json(world), encoding="utf-8")
        assert load(path) == world


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "must be an object"),
        ("{", "not JSON"),
        ('{"wrokers": 2}', "wrokers is not known"),
        ('{"machine": {"cpu": 2}}', "machine.cpu is not known"),
        ('{"program": {"gil": 1.5}}', "program.gil is 1.5"),
        ('{"program": {"gil": 0.7, "lock": 0.7}}', "at most 1"),
        ('{"program": {"call_s": 0}}', "above 0"),
        ('{"machine": {"cpus": true}}', "a whole number"),
        ('{"machine": {"noise": NaN}}', "finite"),
        ('{"workers": 1}', "2 to 256"),
        ('{"executor": "dask"}', "one of threads, processes"),
        ('{"transport": "pickle"}', "shm for threads"),
    ],
)
def test_what_is_no_world_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(WorldError, match=complaint) as raised:
        from_json(text)
    assert "\n" not in str(raised.value)


def test_the_command_refuses_a_file_that_is_no_world(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text('{"machine": {"cores_": 2}}', encoding="utf-8")
    command = [sys.executable, "-m", "tests.worlds", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "machine.cores_" in done.stderr


def test_equal_seeds_are_equal_worlds_and_answers() -> None:
    assert drawn(7) == drawn(7)
    first, second = judge(drawn(7)), judge(drawn(7))
    assert (first.said, first.speedup) == (second.said, second.speedup)


def test_tables_count_what_was_judged() -> None:
    found = judge(World(machine_family="quiet", cause="none"), gate=True)
    assert found.grade == "right"
    broken: Judged = replace(found, grade="wrong", why="said nonsense", gate="wrong: passed")
    text = report([found, broken])
    assert "| quiet | 2 | 1 | 0 | 0 | 1 |" in text
    assert "| quiet | 2 | 1 | 0 | 1 | 0 |" in text
    assert "said nonsense" in text


@pytest.mark.parametrize("kind", [World, Machine, Program])
def test_the_page_documents_every_key(kind: type) -> None:
    page = (Path(__file__).parents[2] / "docs" / "worlds.md").read_text(encoding="utf-8")
    assert all(f"`{one.name}`" in page for one in fields(kind))
