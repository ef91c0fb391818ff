"""Losses are what was planted, and they always add up."""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis import losses
from gilscope.analysis.columns import columns_by_kernel
from gilscope.analysis.losses import LOSSES, account, losses_between, parts_of, rank_weights
from gilscope.core.cases import Case
from gilscope.core.records import Block, ResultSet, Round
from gilscope.results.codec import decode_block, encode_block
from gilscope.stats import stopping
from tests.analysis.rounds import MS, Did, alone, ideal, made_of, native, probe, study
from tests.analysis.synthetic import documented, row
from tests.results import strategies

THREADS = "nbody/cy_nogil@threads*2#M"
TWO = Case.parse(THREADS)
NATIVE = "nbody/cy_prange@native*2#M"


def found(parallel: Round, single: Round | None = None, case: str = THREADS, **more) -> dict[str, float]:
    """Return the losses of a planted case in ms; what is not told is left out."""
    document = documented(study(case, parallel, single=single, **more))
    total = Case.parse(case).workers * parallel.wall_ns / parallel.repeats / MS
    told = {name: value["value"] * total for name, value in row(document, case)["losses"].items() if value is not None}
    return {name: pytest.approx(value, abs=1e-6) for name, value in told.items() if abs(value) > 1e-9}


def test_a_perfect_case_loses_nothing():
    assert found(ideal(2)) == {}


@pytest.mark.parametrize(
    ("parallel", "expected"),
    [
        pytest.param(made_of(Did(cpu=50, late=4), Did(cpu=54)), {"dispatch": 4, "inflation": 4}, id="late start"),
        pytest.param(made_of(Did(cpu=50), Did(cpu=50), after=3), {"dispatch": 6}, id="combining"),
        pytest.param(made_of(Did(cpu=50, waking=2), Did(cpu=50, waking=2)), {"dispatch": 4}, id="barriers"),
        pytest.param(made_of(Did(cpu=40), Did(cpu=60)), {"imbalance": 20}, id="uneven ends"),
        pytest.param(made_of(Did(cpu=40, waiting=20), Did(cpu=60)), {"imbalance": 20}, id="uneven phases"),
        pytest.param(made_of(Did(cpu=60), Did(cpu=60)), {"inflation": 20}, id="more CPU time"),
        pytest.param(made_of(Did(cpu=50, queued=10), Did(cpu=50, queued=10)), {"run_queue": 20}, id="run queue"),
        pytest.param(
            made_of(Did(cpu=50, rest=10), Did(cpu=50, rest=10), steal=12), {"stolen": 12, "blocked": 8}, id="steal"
        ),
        pytest.param(
            made_of(Did(cpu=50, rest=10), Did(cpu=50, rest=10), steal=50), {"stolen": 20}, id="steal of others"
        ),
        pytest.param(made_of(Did(cpu=50, rest=10), Did(cpu=50, rest=10)), {"blocked": 20}, id="asleep"),
        pytest.param(made_of(Did(cpu=45), Did(cpu=45)), {"inflation": -10}, id="a gain"),
    ],
)
def test_each_part_is_found_exactly(parallel, expected):
    assert found(parallel) == expected


def test_what_the_serial_round_does_too_is_no_loss():
    asleep = made_of(Did(cpu=50, rest=15), Did(cpu=50, rest=15))
    assert found(asleep, alone(100, rest=30)) == {}
    assert found(asleep, alone(100, rest=10)) == {"blocked": 20}


@pytest.mark.parametrize(("waiting", "expected"), [(0.5, {"gil_wait": 50, "blocked": 50}), (3.0, {"gil_wait": 100})])
def test_waiting_for_the_gil_is_taken_from_the_probe_and_capped(waiting, expected):
    bound = made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))
    assert found(bound, gil=[probe(1.0, waiting)]) == expected


def test_a_run_queue_longer_than_what_is_left_is_cut_worker_by_worker():
    measured = made_of(Did(cpu=60), Did(cpu=40, queued=20))
    too_long = dataclasses.replace(
        measured, stamps=(dataclasses.replace(measured.stamps[0], run_queue_ns=15 * MS), measured.stamps[1])
    )
    assert found(too_long) == {"run_queue": 20}


def test_queueing_while_starting_late_or_being_woken_late_is_no_dispatch():
    measured = made_of(Did(late=20, cpu=50, waking=10), Did(cpu=80))
    assert found(measured) == {"dispatch": 30, "inflation": 30}
    stamps = (dataclasses.replace(measured.stamps[0], run_queue_ns=25 * MS), measured.stamps[1])
    queued = dataclasses.replace(measured, stamps=stamps)
    assert found(queued) == {"dispatch": 5, "run_queue": 25, "inflation": 30}


def test_cpu_time_beyond_compute_is_the_residual():
    measured = made_of(Did(cpu=50), Did(cpu=50))
    over = tuple(dataclasses.replace(stamp, cpu_ns=53 * MS) for stamp in measured.stamps)
    assert found(dataclasses.replace(measured, stamps=over)) == {"inflation": 6, "residual": -6}


def test_repeats_are_divided_out():
    assert found(made_of(Did(cpu=80), Did(cpu=120), repeats=2)) == {"imbalance": 20}


def test_native_threads_have_one_figure_for_idleness():
    single = native(100, 100)
    assert found(native(70, 110, queued=4, steal=6), single, NATIVE) == {
        "inflation": 10,
        "run_queue": 4,
        "stolen": 6,
        "omp_idle": 20,
    }
    losses_told = row(documented(study(NATIVE, native(70, 110), single=single)), NATIVE)["losses"]
    assert {name for name, value in losses_told.items() if value is None} == {
        "gil_wait",
        "dispatch",
        "imbalance",
        "blocked",
    }


def test_pickling_opens_the_window_with_the_first_message():
    case = "nbody/py_loop@processes.pickle*2#S"
    slow = made_of(Did(late=10, cpu=50, waking=5), Did(late=25, cpu=50), after=10)
    assert found(slow, case=case) == {"dispatch": 10 + 25 + 5 + 20, "imbalance": 10}


@pytest.mark.parametrize(("field", "loss"), [("queued", "run_queue"), ("steal", "stolen")])
def test_clocks_nobody_read_make_unknown_losses_not_zeros(field, loss):
    parallel = made_of(
        Did(cpu=50, rest=10, queued=None if field == "queued" else 0.0),
        Did(cpu=50, rest=10),
        steal=None if field == "steal" else 0.0,
    )
    told = row(documented(study(THREADS, parallel)), THREADS)["losses"]
    assert told[loss] is None
    assert told["blocked"]["value"] == pytest.approx(20 / 120)


def test_without_stamps_there_are_no_losses():
    bare = Round(repeats=1, start_ns=0, end_ns=60 * MS)
    document = documented(study(THREADS, bare))
    assert row(document, THREADS)["losses"] is None
    assert document["not_analysed"]["losses"]


def test_blocks_that_miss_a_round_do_not_count():
    made = study(THREADS, ideal(2))
    odd = dict(made.blocks[0].rounds)
    del odd[TWO.t1.id]
    broken = dataclasses.replace(made.blocks[0], rounds=odd)
    made = dataclasses.replace(made, blocks=(broken, *made.blocks[1:]))
    assert row(documented(made), THREADS)["losses"]["blocked"]["blocks"] == 9


# Quantiles ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 3000), st.integers(1, 16))
def test_rank_weights_count_every_worker_once(workers, kept):
    kept = min(kept, workers)
    weights = rank_weights(workers, kept)
    assert len(weights) == kept
    assert math.fsum(weights) == pytest.approx(workers)
    assert min(weights) > 0


def test_rank_weights_of_all_are_ones():
    assert rank_weights(16, 16) == (1,) * 16
    assert rank_weights(31, 16) == (1.5, *(2,) * 14, 1.5)


@pytest.mark.parametrize("workers", [17, 31, 64, 500])
def test_quantiles_of_many_workers_keep_the_losses(workers):
    lot = random.Random(workers)
    case = Case.parse(f"nbody/cy_nogil@threads*{workers}#M")
    spread = made_of(
        *[Did(late=lot.random(), cpu=10 + lot.random(), queued=lot.random(), rest=1.0) for _ in range(workers)]
    )
    block = Block(kernel="nbody", index=0, started_ns=0, ended_ns=10**9, rounds={case.id: spread})
    kept = decode_block(encode_block(block)).rounds[case.id]
    assert len(kept.stamps) == 16
    whole, cut = parts_of(spread, case), parts_of(kept, case)
    total_s = workers * spread.wall_ns / 1e9
    assert sum(cut.values()) == pytest.approx(total_s)
    for name, seconds in whole.items():
        assert cut[name] == pytest.approx(seconds, abs=0.02 * total_s), name


# They add up ----------------------------------------------------------------------------------------------------------

worlds = st.sampled_from(
    ["nbody/cy_nogil@threads*{}#M", "nbody/py_loop@processes.pickle*{}#S", "nbody/cy_prange@native*{}#M"]
)


@given(worlds, strategies.rounds(least=1), strategies.rounds(least=1, most=1), st.integers(0, 40), st.floats(0, 100))
def test_parts_add_up_to_the_core_seconds_whatever_the_stamps_say(world, measured, single, more, waiting):
    case = Case.parse(world.format(len(measured.stamps) + more))
    if case.executor == "native":
        measured = dataclasses.replace(measured, stamps=measured.stamps[:1])
    parts, first = parts_of(measured, case, waiting=waiting), parts_of(single, case.t1)
    total_s = case.workers * measured.wall_ns / measured.repeats / 1e9
    single_s = single.wall_ns / single.repeats / 1e9
    scale = sum(map(abs, parts.values())) + sum(map(abs, first.values()))
    furthest_s = max(abs(at) for one in (measured, single) for at in (one.start_ns, one.end_ns)) / 1e9
    close = 1e-9 * scale + 4e-15 * case.workers * furthest_s  # what differences of such large numbers lose
    assert math.fsum(parts.values()) == pytest.approx(total_s, abs=close)
    assert math.fsum(losses_between(parts, first).values()) == pytest.approx(total_s - single_s, abs=close)


did = st.builds(
    Did,
    late=st.floats(0, 50),
    cpu=st.floats(1, 200),
    queued=st.floats(0, 50),
    rest=st.floats(0, 50),
    waiting=st.floats(0, 50),
    waking=st.floats(0, 50),
)


@given(st.lists(did, min_size=2, max_size=2), st.floats(0, 20), st.floats(0, 100), st.floats(0, 4))
def test_no_part_of_a_sane_round_is_below_zero(workers, after, steal, waiting):
    parts = parts_of(made_of(*workers, after=after, steal=steal), TWO, waiting=waiting)
    assert min(parts.values()) > -1e-8


@given(st.lists(st.lists(did, min_size=2, max_size=2), min_size=1, max_size=12), st.floats(0, 2))
def test_fractions_add_up_to_one_minus_the_mean_efficiency(each, waiting):
    base = study(THREADS, ideal(2), blocks=len(each), gil=[probe(0.9, waiting)])
    blocks = tuple(
        dataclasses.replace(block, rounds={**block.rounds, TWO.id: made_of(*workers)})
        for block, workers in zip(base.blocks, each, strict=True)
    )
    told = row(documented(dataclasses.replace(base, blocks=blocks)), THREADS)["losses"]
    efficiencies = [0.1 / (2 * block.rounds[TWO.id].wall_ns / 1e9) for block in blocks]
    known = [value for value in told.values() if value is not None]
    assert sum(value["value"] for value in known) == pytest.approx(1 - sum(efficiencies) / len(efficiencies), abs=1e-9)
    assert all(value["low"] <= value["value"] <= value["high"] for value in known)


@given(st.lists(st.lists(did, min_size=2, max_size=2), min_size=6, max_size=10), st.randoms())
def test_the_order_of_blocks_does_not_matter(each, shuffled):
    base = study(THREADS, ideal(2), isolated=ideal(2), blocks=len(each), gil=[probe(0.95, 0.7)] * 3)
    blocks = [
        dataclasses.replace(block, rounds={**block.rounds, TWO.id: made_of(*workers)})
        for block, workers in zip(base.blocks, each, strict=True)
    ]
    with mock.patch.object(stopping, "variance_inflation", return_value=1.0):  # dependence is about their order
        first = documented(dataclasses.replace(base, blocks=tuple(blocks)))
        shuffled.shuffle(blocks)
        again = documented(dataclasses.replace(base, blocks=tuple(blocks)))
    assert again["findings"] == first["findings"]
    assert row(again, THREADS) == row(first, THREADS)


# Cost -----------------------------------------------------------------------------------------------------------------


def many(cases: int, blocks: int) -> ResultSet:
    """Return a result of so many cases with stamps."""
    one = study(THREADS, ideal(2), blocks=blocks)
    rounds, records = dict(one.blocks[0].rounds), dict(one.cases)
    for chunks in range(1, cases + 1):
        case = dataclasses.replace(TWO, chunks_per_worker=chunks)
        for each, measured in ((case.t1, alone()), (case, ideal(2))):
            rounds[each.id] = measured
            records[each.id] = dataclasses.replace(one.cases[TWO.id], case=each)
    made = tuple(dataclasses.replace(block, rounds=rounds) for block in one.blocks)
    return dataclasses.replace(one, cases=records, blocks=made)


def partitions(made: ResultSet, monkeypatch) -> int:
    """Return how many rounds are taken apart."""
    count = 0
    original = losses.parts_of

    def counted(*arguments, **more):
        nonlocal count
        count += 1
        return original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(losses, "parts_of", counted)
        documented(made)
    return count


def test_a_thousand_cases_cost_ten_times_a_hundred(monkeypatch):
    once = partitions(many(100, 3), monkeypatch)
    assert partitions(many(1000, 3), monkeypatch) == pytest.approx(10 * once, rel=0.1)


def test_an_account_is_taken_within_blocks():
    made = study(THREADS, ideal(2), blocks=2)
    slow = {key: dataclasses.replace(one, repeats=1) for key, one in made.blocks[0].rounds.items()}
    slow[TWO.t1.id], slow[TWO.id] = alone(300), made_of(Did(cpu=150), Did(cpu=150))
    made = dataclasses.replace(made, blocks=(made.blocks[0], dataclasses.replace(made.blocks[1], rounds=slow)))
    own = account(columns_by_kernel(made)["nbody"], TWO)
    assert {name: max(map(abs, own.fractions[name].values())) for name in LOSSES} == dict.fromkeys(LOSSES, 0.0)
    assert sys.float_info.epsilon > own.uneven[1]


def test_where_every_worker_does_the_whole_work_the_speedup_is_scaled_and_the_losses_still_add_up():
    weak = Case.parse("nbody/cy_nogil@threads.weak*2#M")
    # T(1) is 100 ms. Each of two workers does as much: one takes 120 ms, the other 100 ms and waits.
    made = study(weak.id, made_of(Did(cpu=120), Did(cpu=100)), single=alone(100))
    row = next(row for row in documented(made)["cases"] if row["case"] == weak.id)
    assert row["scaling"] == "weak"
    assert row["speedup"]["value"] == pytest.approx(2 * 100 / 120)
    assert row["efficiency"]["value"] == pytest.approx(100 / 120)
    lost = {name: found["value"] for name, found in row["losses"].items() if found}
    assert lost["inflation"] == pytest.approx(20 / 240)
    assert lost["imbalance"] == pytest.approx(20 / 240)
    assert sum(lost.values()) == pytest.approx(1 - row["efficiency"]["value"])


def counted(low: float, value: float, high: float, **more) -> dict:
    """Return what the probe writes of a round with so many waiting threads, in the long run from low to high."""
    seen = probe(0.6, value)
    estimate = {"value": value, "low": low, "high": high, "confidence": 0.95, "n": 20}
    return {**seen, "waiting_long_run": estimate, "held_long_run": seen["held"], **more}


def test_what_the_gil_costs_is_as_uncertain_as_the_number_of_waiting_threads():
    parallel = made_of(*[Did(cpu=50, rest=30)] * 2)
    parts = row(documented(study(THREADS, parallel, gil=[counted(0.2, 0.4, 0.5)])), THREADS)["losses"]
    assert parts["gil_wait"]["value"] == pytest.approx(0.4 / 2)
    assert parts["gil_wait"]["low"] <= 0.2 / 2 + 1e-9
    assert parts["gil_wait"]["high"] >= 0.5 / 2 - 1e-9
    assert parts["blocked"]["low"] <= 0.375 - 0.5 / 2 + 1e-9
    assert parts["blocked"]["high"] >= 0.375 - 0.2 / 2 - 1e-9
    assert parts["gil_wait"]["confidence"] <= 0.95


@pytest.mark.parametrize(("queued", "own"), [(None, 0.0), (0.0, 20.0), (0.005, 15.0), (1.0, 0.0)])
def test_queueing_that_t1_does_not_meet_on_the_same_cpus_is_waiting_for_each_other(
    queued: float | None, own: float
) -> None:
    parts = parts_of(made_of(Did(cpu=50, queued=10), Did(cpu=50, queued=10)), TWO, queued=queued)
    assert parts is not None
    assert parts["blocked"] * 1e3 == pytest.approx(own)
    assert parts["run_queue"] * 1e3 == pytest.approx(20.0 - own)


def test_what_slow_cpus_took_is_stolen() -> None:
    slowed = dataclasses.replace(made_of(Did(cpu=50, rest=10), Did(cpu=50, rest=10)), slowed_ns=15 * MS)
    parts = parts_of(slowed, TWO)
    assert parts is not None
    assert (parts["stolen"] * 1e3, parts["blocked"] * 1e3) == pytest.approx((15.0, 5.0))
