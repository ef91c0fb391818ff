"""Other programs must not change what is said to be the cause: known causes, with queueing strewn over every round."""

from __future__ import annotations

import dataclasses
import random

import pytest

from gilscope.analysis.findings import FINDINGS
from gilscope.core.cases import Case, Slot
from gilscope.core.records import Block, ResultSet, Round
from tests.analysis.causes import PLANTED, PROCESSES, THREADS
from tests.analysis.rounds import Did, alone, ideal, made_of, study, varied
from tests.analysis.synthetic import documented

NOISE = {"too_noisy", "stolen"}
"""What may be said of a busy machine, whatever was planted."""

# Of the machine itself, or of one worker more than it has CPUs: there other programs are the cause, or one more of it.
CAUSES = [code for code in FINDINGS if code not in ("too_noisy", "stolen", "smt_limited")]
# What for the CPU time grew may stay open; page faults take a smaller share of a round that other programs lengthen.
OPEN = {
    "memory_bound": ["inflation"],
    "contention": ["inflation"],
    "page_faults": ["scales"],
    "not_repeatable": ["scales"],
    "imbalance": ["scales_partly"],  # the last to come may have queued
}
SEEDS = 6


def delayed(measured: Round, lot: random.Random, load: float) -> Round:
    """Return a round whose workers lost the CPU to other programs now and then, ``load`` of their time on average."""
    stamps = []
    for stamp in measured.stamps:
        lost = round(lot.choice((0.0, 0.5, 1.5, 2.0)) * load * stamp.cpu_ns)
        queued = None if stamp.run_queue_ns is None else stamp.run_queue_ns + lost
        stamps.append(dataclasses.replace(stamp, end_ns=stamp.end_ns + lost, run_queue_ns=queued))
    last = max(stamp.end_ns for stamp in measured.stamps)
    after = max(stamp.end_ns for stamp in stamps) - last
    return dataclasses.replace(measured, stamps=tuple(stamps), end_ns=measured.end_ns + after)


def beside(made: ResultSet, seed: int, load: float) -> ResultSet:
    """Return the result as it would be beside other programs, differently in every block."""
    lot = random.Random(seed)

    def block(one: Block) -> Block:
        return dataclasses.replace(
            one, rounds={key: delayed(measured, lot, load) for key, measured in one.rounds.items()}
        )

    return dataclasses.replace(made, blocks=tuple(block(one) for one in made.blocks))


def said(made: ResultSet) -> list[str]:
    rows = [row for row in documented(made)["cases"] if row["speedup"]]
    return list(rows[0]["findings"])


@pytest.mark.parametrize("load", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("code", CAUSES)
def test_no_cause_is_named_that_was_not_there(code: str, load: float) -> None:
    made = PLANTED[code]()
    for seed in range(SEEDS):
        assert set(said(beside(made, seed, load))) <= {code, *NOISE, *OPEN.get(code, ())}


def test_beside_one_other_program_at_least_half_of_the_causes_are_still_named() -> None:
    named = [code in said(beside(PLANTED[code](), seed, 0.5)) for code in CAUSES for seed in range(SEEDS)]
    assert sum(named) >= len(named) / 2


def test_what_certainly_reaches_its_workers_scales_whatever_the_control_reads() -> None:
    halted = made_of(Did(cpu=50, rest=45), Did(cpu=50, rest=45))  # the control, on its own
    assert said(study("k/f@threads*2#M", ideal(2), spin=halted)) == ["scales"]
    assert "scales" not in said(study("k/f@threads*2#M", halted, spin=halted))


# On CPUs that are slow at times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slow_ms", "code"), [(105, "superlinear"), (150, "scales")])
def test_workers_are_not_faster_than_one_because_that_one_was_slow_at_times(slow_ms: int, code: str) -> None:
    made = study(PROCESSES, ideal(2), blocks=30)
    singles = Case.parse(PROCESSES).t1.id
    assert said(varied(made, singles, lambda i: alone([105, 105, 105, 105, slow_ms][i % 5]))) == [code]


@pytest.mark.parametrize(("cpu_ms", "code"), [(48, "scales"), (40, "superlinear")])
def test_beside_other_programs_workers_are_faster_than_one_only_by_a_tenth(cpu_ms: float, code: str) -> None:
    assert said(study(PROCESSES, made_of(*[Did(cpu=cpu_ms, queued=20)] * 2)))[0] == code


@pytest.mark.parametrize(("blocks", "scatter_ms", "named"), [(20, 20, False), (20, 0, True), (200, 20, True)])
def test_contention_is_more_than_short_rounds_that_slow_moments_met_or_not(
    blocks: int, scatter_ms: int, named: bool
) -> None:
    """The CPU time is 9 % above the mean of isolated workers, and 20 % above what most of their rounds took."""
    isolated = Slot(case=Case.parse(THREADS), role="isolated").key
    made = study(THREADS, ideal(2, 1.2), isolated=ideal(2), blocks=blocks)
    copies = [50, 50, 50, 50 + scatter_ms] if scatter_ms else [55] * 4
    found = said(varied(made, isolated, lambda i: made_of(*[Did(cpu=copies[i % 4])] * 2)))
    assert ("contention" in found) is named


def test_a_certain_loss_of_a_tenth_is_named_where_the_speed_up_just_reaches_the_limit() -> None:
    blocked = made_of(*[Did(cpu=50, rest=7)] * 2)
    made = varied(study(PROCESSES, blocked, blocks=20), Case.parse(PROCESSES).t1.id, lambda i: alone([98, 104][i % 2]))
    assert said(made) == ["lock_bound"]
