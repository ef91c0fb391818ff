"""The steps from p workers to the speed-up: machine, memory, software."""

from __future__ import annotations

import dataclasses
import math

import pytest

from gilscope.core.cases import Case
from gilscope.core.records import Round
from tests.analysis.rounds import Did, alone, ideal, made_of, study
from tests.analysis.synthetic import documented, row

THREADS = "nbody/cy_nogil@threads*2#M"


def ceiling(parallel: Round, **more) -> dict[str, float]:
    told = row(documented(study(THREADS, parallel, **more)), THREADS)["ceiling"]
    return {name: value["value"] for name, value in told.items() if isinstance(value, dict)}


def test_the_steps_lead_from_p_to_the_speedup():
    steps = ceiling(made_of(Did(cpu=80), Did(cpu=80)), spin=ideal(2, 1.1), isolated=ideal(2, 1.25))
    assert (steps["spin"], steps["isolated"]) == pytest.approx((2 / 1.1, 2 / 1.25))
    assert steps["machine"] == pytest.approx(1 - 1 / 1.1)
    assert steps["memory"] == pytest.approx(1 / 1.1 - 1 / 1.25)
    assert steps["software"] == pytest.approx(1 / 1.25 - 50 / 80)
    assert steps["below_spin"] == pytest.approx(steps["memory"] + steps["software"])


@pytest.mark.parametrize("copies", [55, 80, 100])
def test_of_a_growth_each_factor_has_its_logarithm(copies):
    """Memory that doubles the CPU time before contention does, and after it, is half of the growth."""
    parallel = made_of(Did(cpu=100), Did(cpu=100))
    found = ceiling(parallel, spin=ideal(2), isolated=made_of(Did(cpu=copies), Did(cpu=copies)))
    assert found["inflation_memory"] + found["inflation_software"] == pytest.approx(0.5)
    assert found["inflation_memory"] == pytest.approx(0.5 * math.log2(copies / 50))


def test_uneven_chunks_are_the_software_s_not_the_memory_s():
    uneven = made_of(Did(cpu=40), Did(cpu=60))
    steps = ceiling(uneven, isolated=uneven)
    assert steps["memory"] == pytest.approx(0.0)
    assert steps["software"] == pytest.approx(1 / 6)


def test_without_isolated_copies_the_last_two_steps_are_one():
    steps = ceiling(made_of(Did(cpu=80), Did(cpu=80)))
    assert set(steps) == {"spin", "machine", "below_spin", "inflation_machine"}


def test_variants_of_a_language_share_the_isolated_control():
    case = Case.parse("nbody/cy_gil@threads*2#M")
    made = study(THREADS, ideal(2), isolated=ideal(2))
    more = {case.id: ideal(2), case.t1.id: alone()}
    made = dataclasses.replace(
        made,
        cases={**made.cases, case.id: dataclasses.replace(made.cases[THREADS], case=case)},
        blocks=tuple(dataclasses.replace(block, rounds={**block.rounds, **more}) for block in made.blocks),
    )
    assert row(documented(made), case.id)["ceiling"]["isolated_of"] == THREADS
