"""Calls that are not the same work are told from drift, from steps, and from sleepers' little CPU time."""

from __future__ import annotations

import dataclasses

from gilscope.core.records import Round
from gilscope.stats import trend
from tests.analysis.causes import PROCESSES, growing
from tests.analysis.rounds import Did, ideal, made_of, study
from tests.analysis.test_findings import said


def test_calls_that_mostly_sleep_are_repeatable_whatever_their_little_cpu_time_does() -> None:
    made = study(PROCESSES, made_of(*[Did(cpu=1, rest=50)] * 2), single=made_of(Did(cpu=2, rest=98)))

    def dearer(measured: Round, at: int) -> Round:
        stamps = [dataclasses.replace(one, cpu_ns=round(one.cpu_ns * 1.1**at)) for one in measured.stamps]
        return dataclasses.replace(measured, stamps=tuple(stamps))

    blocks = [
        dataclasses.replace(
            one, rounds={key: seen if ":" in key else dearer(seen, one.index) for key, seen in one.rounds.items()}
        )
        for one in made.blocks
    ]
    assert "not_repeatable" not in said(dataclasses.replace(made, blocks=tuple(blocks)))


def test_a_steady_growth_of_calls_is_found_before_it_is_large_and_a_step_is_not():
    made = study(PROCESSES, ideal(2), blocks=20)
    assert said(growing(made, lambda at: 1.0 + 0.01 * at)) == ["not_repeatable"]
    assert said(growing(made, lambda at: 1.2 if at >= 10 else 1.0)) == ["scales"]


def test_a_machine_that_slows_down_half_way_is_no_growth_of_calls_however_few_the_blocks() -> None:
    made = study(PROCESSES, ideal(2), blocks=6)
    slower, drifts = (1.0, 1.03, 1.01, 1.7, 1.68, 1.72), (1.0, 1.1, 1.2, 1.35, 1.5, 1.7)
    assert "not_repeatable" not in said(growing(made, lambda at: slower[at]))
    assert "not_repeatable" in said(growing(made, lambda at: drifts[at]))


def test_the_order_of_many_blocks_costs_no_more_than_that_of_some() -> None:
    assert trend(range(100_000)) == 1.0
    assert trend([0.0] * 50_000 + [1.0] * 50_000) < 0.6
