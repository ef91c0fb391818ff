"""Workers of an engine that share a GIL nobody samples: what is said of it, and what is not."""

from __future__ import annotations

import dataclasses

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.predict.demands import Demands
from gilscope.analysis.rows import CaseRow
from gilscope.core.records import Round
from tests.analysis.rounds import Did, ideal, made_of, study

ENGINE = "nbody/py_loop@futures:pools:make*2#S"
TURNS = made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))
TURNS_IN_THE_QUEUE = made_of(Did(cpu=50), Did(late=50, cpu=50))
SLEEP = made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))
APART, TOGETHER = ({"process": 1}, {"process": 2}), ({"process": 1}, {"process": 1})


def measured(parallel: Round, placed: tuple[dict[str, int], ...], single: Round | None = None) -> CaseRow:
    made = study(ENGINE, parallel, single=single)
    records = {
        case: dataclasses.replace(record, placed=placed, gil_enabled=True) if case == ENGINE else record
        for case, record in made.cases.items()
    }
    return analyse(dataclasses.replace(made, cases=records)).row_of[ENGINE]


def codes(row: CaseRow) -> list[str]:
    return [finding.code for finding in row.findings]


@pytest.mark.parametrize("parallel", [TURNS, TURNS_IN_THE_QUEUE])
def test_turns_in_one_process_are_the_gil_s(parallel: Round) -> None:
    assert codes(measured(parallel, TOGETHER)) == ["gil_bound"]


def test_the_same_in_processes_of_their_own_is_a_lock_s() -> None:
    assert codes(measured(TURNS, APART)) == ["lock_bound"]


def test_who_sleeps_alone_too_waits_for_no_gil() -> None:
    slept = measured(SLEEP, TOGETHER, single=made_of(Did(cpu=50, rest=50)))
    assert "gil_bound" not in codes(slept)


def test_whether_a_wait_is_for_a_lock_or_the_gil_is_not_known_and_said() -> None:
    together, apart = measured(TURNS, TOGETHER).factors, measured(TURNS, APART).factors
    assert together is not None
    assert apart is not None
    assert "locks" not in together.known
    assert "GIL" in together.reasons["locks"]
    assert apart.known["locks"].value == pytest.approx(0.5, abs=0.01)


def test_a_lock_is_no_station_of_a_prediction_where_it_may_be_the_gil() -> None:
    apart, together = measured(TURNS, APART).demands, measured(TURNS, TOGETHER).demands
    assert isinstance(apart, Demands)
    assert [one.station for one in apart.stations] == ["lock"]
    assert isinstance(together, str)
    assert "share a GIL" in together


def test_workers_that_lose_nothing_are_judged_alike() -> None:
    assert codes(measured(ideal(2), TOGETHER)) == codes(measured(ideal(2), APART)) == ["scales"]
