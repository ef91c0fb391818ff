"""The simulator against closed forms, and its stamps against their definitions."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gilscope.core.cases import Case, Slot
from gilscope.measure.host import Lead
from tests.worlds import rounds
from tests.worlds.host import WorldHost
from tests.worlds.loads import load_of
from tests.worlds.rounds import Load, play
from tests.worlds.truth import speedup, truth_of
from tests.worlds.weather import Weather
from tests.worlds.world import Machine, Program, World

SIMULATOR = ("world", "weather", "rounds", "loads", "host", "truth")
TASKS = 64
"""Calls of one execution: 64 of 4 ms."""


def world(workers: int = 4, machine: dict[str, Any] | None = None, **program: Any) -> World:
    made = Machine(**{"cpus": workers, **(machine or {})})
    return World(workers=workers, machine=made, program=Program(**program))


@pytest.mark.parametrize(
    ("planted", "known"),
    [
        (world(), 4.0),
        (world(imbalance=0.5), 4.0 / 1.5),
        (world(uneven=0.5), 4.0 / 1.5),
        (world(memory=0.8, machine={"bandwidth": 2.0}), 2.0 / 0.8),
        (world(working_set=0.5, misses=1.0, machine={"cache": 1.0}), 4.0 / 1.5),
        (world(contention=0.25), 4.0 / 1.75),
        (world(combine_s=0.064), 256 / (64 + 64)),  # Amdahl's law: as long as the parallel part
        (world(sleep=0.5), 4.0),
        (world(gil=1.0), 1.0),
        (world(gil_c=1.0, hold_s=0.02, call_s=0.02), 1.0),
        (world(16, gil=0.25), 4.0),  # the utilisation law: what is always in use
        (world(16, lock=0.2), 5.0),
        (world(faults=0.5), 6.0),
        (world(faults_workers=0.25), 3.2),
        (world(machine={"cores": 2, "smt_yield": 1.3}), 2.6),
        (world(machine={"turbo": 1.25}), 3.2),
        (world(machine={"cpus": 2}), 2.0),
        (world(machine={"quota": 1.5}), 1.5),
        (world(threads=2), 2.0),
        (world(memory=1.0, machine={"node_cpus": 2, "remote": 2.0}), 2.0),
    ],
)
def test_known_speedups(planted: World, known: float) -> None:
    assert speedup(planted, "case", TASKS) == pytest.approx(known, rel=0.04)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("workers", [2, 4, 8])
def test_one_lock_and_exponential_times_are_the_machine_repairman(
    share: float, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SHAPE", 1.0)
    monkeypatch.setattr(rounds, "MOST_TURNS", 800 * workers)
    load = Load(work=np.full(workers, 60.0), lock=share)
    played = play(Weather(Machine(cpus=workers), 1, quiet=True), load, 0.0, np.random.default_rng(3))
    ratio, terms = share / (1.0 - share), [1.0]
    for waiting in range(workers):
        terms.append(terms[-1] * (workers - waiting) * ratio)
    busy = 1.0 - 1.0 / sum(terms)  # share of the time in which somebody holds the lock
    assert 60.0 * workers / (played.end - played.begin) == pytest.approx(busy / share, rel=0.05)


def test_waiting_for_the_gil_is_counted_and_is_no_cpu_time() -> None:
    load = load_of(world(4, gil=1.0), "case", 4, TASKS, 1)
    played = play(Weather(Machine(cpus=4), 1, quiet=True), load, 0.0, np.random.default_rng(1))
    wall = played.end - played.begin
    assert played.held / wall == pytest.approx(1.0, abs=0.01)
    assert played.wanted / wall == pytest.approx(3.0, abs=0.3)
    assert played.cpu.sum() == pytest.approx(wall, rel=0.01)


DISTURBED = {"neighbours": 2, "neighbour_off_s": 0.1, "noise": 0.0, "jitter": 0.0, "steal": 0.1}


@pytest.mark.parametrize("program", [{}, {"imbalance": 0.4}, {"phases": 8, "uneven": 0.3}, {"barrier_s": 0.002}])
def test_every_moment_of_a_worker_has_a_name(program: dict[str, Any]) -> None:
    planted = world(4, DISTURBED, **program)
    load = load_of(planted, "case", 4, TASKS, 4)
    played = play(Weather(planted.machine, 1), load, 0.5, np.random.default_rng(1))
    named = played.cpu + played.queued + played.stolen + played.waiting + played.waking
    assert played.stop - played.start == pytest.approx(named, rel=1e-6)
    assert played.queued.sum() > 0 < played.stolen.sum()


@pytest.mark.parametrize("program", [{}, {"imbalance": 0.4}, {"phases": 8, "uneven": 0.3}])
def test_the_net_length_is_that_of_the_quiet_machine(program: dict[str, Any]) -> None:
    planted = world(4, DISTURBED, **program)
    load = load_of(planted, "case", 4, TASKS, 4)
    quiet = play(Weather(planted.machine, 1, quiet=True), load, 0.5, np.random.default_rng(1))
    played = play(Weather(planted.machine, 1), load, 0.5, np.random.default_rng(1))
    assert played.end - played.begin > 1.1 * (quiet.end - quiet.begin)
    assert played.net == pytest.approx(quiet.end - quiet.begin, rel=0.01)


def test_stamps_are_as_workers_make_them() -> None:
    host = WorldHost(world(2, {"run_queue_clock": False}, imbalance=0.5))
    slot = Slot(case=Case(kernel="m:f", implementation="f", executor="threads", workers=2, size="32"))
    assert host.prepare(slot).status == "ok"
    before = host.clock()
    measured = host.run_round(slot, 3, Lead(repeats=1, limit=1), math.inf)
    assert before < measured.start_ns == min(stamp.start_ns for stamp in measured.stamps)
    assert measured.end_ns == max(stamp.end_ns for stamp in measured.stamps) <= host.clock()
    assert {stamp.run_queue_ns for stamp in measured.stamps} == {None}
    lazy, busy = sorted(measured.stamps, key=lambda stamp: stamp.cpu_ns)
    assert lazy.waiting_ns > 0 == busy.waiting_ns
    assert lazy.end_ns - lazy.start_ns == pytest.approx(lazy.cpu_ns + lazy.waiting_ns + lazy.waking_ns, abs=10)


def test_steal_elsewhere_is_in_the_clock_of_the_node_alone() -> None:
    host = WorldHost(world(2, {"steal_elsewhere": 1.0}))
    slot = Slot(case=Case(kernel="spin", implementation="cy_nogil", executor="serial", workers=1, size="M"))
    host.prepare(slot)
    measured = host.run_round(slot, 10, Lead(repeats=0), math.inf)
    assert measured.steal_ns == pytest.approx(measured.wall_ns, abs=2e7)
    assert measured.stamps[0].cpu_ns == pytest.approx(measured.wall_ns, rel=0.001)


def test_the_cause_is_what_gains_most_when_it_goes() -> None:
    truth = truth_of(world(4, gil=0.7, imbalance=0.1), TASKS)
    assert truth.causes == ("gil",)
    assert truth.scales is False
    assert truth_of(world(4), TASKS).scales is True
    assert truth_of(world(4, imbalance=0.11), TASKS).scales is None


def test_simulator_and_truth_know_nothing_of_what_they_judge() -> None:
    for name in SIMULATOR:
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        known = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = {module for module in known if module.startswith("gilscope")}
        assert all(module.startswith("gilscope.core.") or module == "gilscope.measure.host" for module in ours)
        assert {module.rpartition(".")[2] for module in known if module.startswith("tests.")} <= set(SIMULATOR)
