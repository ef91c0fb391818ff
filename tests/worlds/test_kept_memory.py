"""Planted worlds whose calls fault: what the twin that keeps its memory says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from gilscope.analysis import Answer
from gilscope.core.cases import Case, Slot
from gilscope.core.records import Round
from gilscope.kernels.user import Examined
from gilscope.profile import functions
from tests.worlds import judge
from tests.worlds.loads import faults_of
from tests.worlds.world import Machine, Program, World


class _Keeping(judge._Host):
    """A host with runners in which nothing faults."""

    def examine(self, case: Case) -> Examined:
        """See ``SupervisedHost.examine``."""
        share = 0.0 if case.memory else faults_of(self.world.program, 2 if case.executor == "threads" else 1)
        return replace(super().examine(case), faults=1e3 * share, fault_share=share)

    def run_round(self, slot: Slot, *words: Any, **more: Any) -> Round:
        """See ``Host``."""
        world = self.world
        if slot.case.memory:
            self.world = replace(world, program=replace(world.program, faults=0.0, faults_workers=0.0))
        try:
            return super().run_round(slot, *words, **more)
        finally:
            self.world = world


def _answered(faults: float, faults_workers: float) -> Answer:
    program = Program(faults=faults, faults_workers=faults_workers)
    world = World(workers=2, executor="threads", machine=Machine(cpus=2), program=program)
    with mock.patch.object(judge, "_Host", _Keeping), mock.patch.object(functions, "can_keep", return_value=True):
        return judge.played(world)[0]


@pytest.mark.parametrize(
    ("faults", "faults_workers", "single", "threads", "best"),
    [
        (1.0, 0.0, 2.0, 1.0, {"threads", "threads.kept"}),  # T(1) is the slow one
        (0.5, 0.5, 1.5, 1.5, {"threads.kept"}),
        (0.0, 1.5, 1.0, 2.5, {"threads.kept"}),  # only threads fault
        (9.0, 3.0, 10.0, 4.0, {"threads.kept"}),  # 5x by threads, and 10x by one that keeps its memory
    ],
)
def test_what_kept_memory_gives_is_what_was_planted(
    faults: float, faults_workers: float, single: float, threads: float, best: set[str]
) -> None:
    found = _answered(faults, faults_workers)
    (said,) = found.verdicts[0].functions
    gains = {row.case.how: row.kept_memory_speedup for row in said.kept}
    assert gains["serial.kept"].value == pytest.approx(single, rel=0.05)
    assert gains["threads.kept"].value == pytest.approx(threads, rel=0.05)
    assert {row.case.how for row in said.best} == best


def test_calls_that_hardly_fault_have_no_twin() -> None:
    assert not any(row.case.memory for row in _answered(0.08, 0.08).rows)
