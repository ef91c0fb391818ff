"""Factors are what was planted, and they always multiply to the efficiency."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis import analyse
from gilscope.analysis.factors import FACTORS, Factors
from gilscope.core.records import Round
from gilscope.report.sentences.factors import factor_sentence, printed
from tests.analysis.causes import PLANTED, unwatched
from tests.analysis.rounds import Did, alone, ideal, made_of, native, probe, study
from tests.worlds.judge import played
from tests.worlds.truth import truth_of
from tests.worlds.world import Machine, Program, World

THREADS = "nbody/cy_nogil@threads*2#M"


def found(parallel: Round, case: str = THREADS, **more) -> Factors:
    factors = analyse(study(case, parallel, **more)).row_of[case].factors
    assert factors is not None
    return factors


def below_one(factors: Factors) -> dict[str, float]:
    return {name: round(one.value, 3) for name, one in factors.known.items() if abs(one.value - 1.0) > 5e-4}


@pytest.mark.parametrize(
    ("parallel", "more", "expected"),
    [
        pytest.param(ideal(2), {}, {}, id="perfect"),
        pytest.param(made_of(Did(cpu=50, queued=50), Did(cpu=50)), {}, {"interference": 0.5}, id="other programs"),
        pytest.param(ideal(2, 1.25), {"spin": ideal(2, 1.25)}, {"machine": 0.8}, id="clocks"),
        pytest.param(ideal(2, 1.6), {"isolated": ideal(2, 1.6)}, {"memory": 0.625}, id="bandwidth"),
        pytest.param(made_of(*[Did(cpu=50, rest=50)] * 2), {"gil": [probe(1.0, 1.0)]}, {"gil": 0.5}, id="GIL"),
        pytest.param(made_of(*[Did(cpu=50, rest=30)] * 2), {"gil": [probe(0.2, 0.0)]}, {"locks": 0.625}, id="locks"),
        pytest.param(made_of(*[Did(cpu=50, late=10)] * 2), {}, {"dispatch": 0.833}, id="dispatch"),
        pytest.param(made_of(Did(cpu=40), Did(cpu=60)), {}, {"balance": 0.833}, id="balance"),
        pytest.param(ideal(2, 1.25), {}, {"computation": 0.8}, id="computation"),
        pytest.param(
            made_of(Did(cpu=60, late=20, rest=20), Did(cpu=100, late=20, rest=20)),
            {"gil": [probe(0.5, 40 / 140)], "spin": ideal(2, 1.25)},
            {"gil": 0.857, "dispatch": 0.833, "balance": 0.8, "machine": 0.8, "computation": 0.781},
            id="several, in order",
        ),
        pytest.param(
            made_of(*[Did(cpu=50, rest=50)] * 2),
            {"gil": [probe(1.0, 1.0)], "spin": ideal(2, 1.6)},
            {"gil": 0.5},
            id="who waits is not charged for clocks",
        ),
    ],
)
def test_each_factor_is_found_exactly(parallel, more, expected):
    assert below_one(found(parallel, **more)) == expected


def test_what_is_not_known_counts_as_one_and_has_a_reason():
    unclear = found(made_of(*[Did(cpu=50, rest=50)] * 2), gil=[unwatched(0.6)])
    assert "not counted" in unclear.reasons["gil"]
    assert "may be" in unclear.reasons["locks"]
    assert unclear.known["computation"].value == pytest.approx(0.5)
    apart = found(ideal(2), "nbody/py_loop@processes*2#S")
    assert apart.reasons["gil"] == "each process has a GIL of its own"
    assert set(unclear.reasons) | set(unclear.known) == set(FACTORS)


def test_nothing_can_be_lost_of_nothing():
    """Losses that are means may exceed what the median block has left."""
    lost = found(made_of(*[Did(cpu=1, late=99, rest=100)] * 2), single=alone(2), gil=[probe(1.0, 1.0)])
    assert all(one.value > 0 for one in lost.known.values())
    assert lost.product == pytest.approx(0.005)


def test_threads_of_a_runtime_lose_to_balance():
    one = found(native(wall=100, cpu=100), "nbody/cy_prange@native*2#M", single=native(wall=100, cpu=100))
    assert below_one(one) == {"balance": 0.5}
    assert "one stamp" in one.reasons["locks"]


parts = st.floats(0.0, 60.0)


@given(st.lists(st.tuples(parts, parts, parts, parts, st.floats(1.0, 60.0)), min_size=2, max_size=2), st.floats(0, 2))
def test_factors_multiply_to_the_efficiency(workers, waiting):
    dids = [
        Did(late=late, queued=queued, rest=rest, waiting=wait, cpu=cpu) for late, queued, rest, wait, cpu in workers
    ]
    row = analyse(study(THREADS, made_of(*dids), gil=[probe(0.5, waiting)])).row_of[THREADS]
    assert row.factors is not None
    assert row.efficiency is not None
    assert row.factors.product == pytest.approx(row.efficiency.value)
    for one in row.factors.known.values():
        assert one.low <= one.value <= one.high


@pytest.mark.parametrize("cause", sorted(PLANTED))
def test_printed_factors_multiply_to_the_printed_efficiency(cause):
    for row in analyse(PLANTED[cause]()).rows:
        if row.efficiency is None or row.factors is None:
            continue
        assert math.prod(printed(row).values()) == pytest.approx(round(row.efficiency.value, 2), abs=0.0051)
        if said := factor_sentence(row):
            total, *factors = (float(word) for word in said.split() if word[0].isdigit())
            assert math.prod(factors) == pytest.approx(total, abs=0.0051)


WORLDS = {
    "gil": (Program(gil=0.7), Machine()),
    "locks": (Program(lock=0.6), Machine()),
    "dispatch": (Program(dispatch_s=0.002), Machine()),
    "balance": (Program(imbalance=0.25), Machine()),
    "memory": (Program(memory=0.8), Machine(bandwidth=1.2)),
    "machine": (Program(), Machine(cpus=2, cores=1, smt_yield=1.3)),
}


@pytest.mark.parametrize("factor", sorted(WORLDS))
def test_planted_factors_are_recovered(factor):
    """Of a quiet machine: what is planted alone is the whole of the efficiency, with the wait for the last worker where
    they take turns."""
    program, machine = WORLDS[factor]
    more = {"executor": "processes", "transport": "pickle"} if factor == "dispatch" else {}
    world = World(workers=2, budget_s=20.0, program=program, machine=machine, **more)
    answer, host = played(world)
    row = next(row for row in answer.rows if row.case.executor == world.executor and row.case.workers == 2)
    truth = truth_of(world, host.tasks[row.case.id], host.repeats[row.case.id])
    assert row.factors is not None
    assert truth.speedup / 2 < 0.95
    known = {name: one.value for name, one in row.factors.known.items()}
    assert min(known, key=known.__getitem__) == factor
    turns = known["balance"] if factor in ("gil", "locks", "dispatch") else 1.0
    assert turns > (0.85 if factor == "dispatch" else 0.95)  # a round has few messages, and one comes last
    assert known[factor] * turns == pytest.approx(truth.speedup / 2, abs=0.02), truth
