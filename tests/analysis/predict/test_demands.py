"""From results to predictions: what one worker needs is found, and where nothing is known the reason is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gilscope.analysis import analyse
from gilscope.analysis.predict.demands import LAWLESS, fed
from gilscope.analysis.predict.gil import DRIFT, prices_at
from gilscope.analysis.predict.model import Demands
from gilscope.analysis.predict.outlook import outlook
from gilscope.analysis.predict.turns import TRUSTED
from gilscope.analysis.predict.whatif import changed, read_change
from gilscope.analysis.to_json import part_to_json, to_json
from gilscope.core.errors import UsageError
from gilscope.core.records import ResultSet
from gilscope.core.spec import Work
from gilscope.report.sentences import verdict
from gilscope.results.surroundings import HandOffPrice
from tests.analysis.causes import PLANTED
from tests.analysis.rounds import Did, made_of, probe, study

THREADS = "mod:f/f@threads*2#8"
TURNS = {"holds": 100, "window_s": 1.0, "held_s": 0.25, "hold_shape": [0.5, 1.5], "free_shape": [1.0]}
PRICE = {"hold_s": 1e-3, "waiting": 4, "low_s": 1e-5, "value_s": 2e-5, "high_s": 3e-5}


def sampled(turns: Any = TURNS, *, case: str = THREADS, held: float = 0.25, price: Any = PRICE) -> ResultSet:
    """Return a result in which one worker holds the GIL for so much of its time, and two hardly wait."""
    functions = {"f": {"call_s": 0.01}}
    made = study(case, made_of(*[Did(cpu=50, rest=1)] * 2), gil=[probe(2 * held, 0.02)], functions=functions)
    single = made.diagnostics[0] | {"case": "mod:f/f@serial#8~c8", "gil": {**probe(held, 0.0), "turns": turns}}
    environment = {**made.environment, "hand_off": [price] if price else [], "hand_over_s": {"processes": 1e-3}}
    environment["hand_over_most_s"] = {"processes": 1.2e-3}
    counted = {name: replace(record, work=Work(units=8, unit="calls")) for name, record in made.cases.items()}
    return replace(
        made,
        cases=counted,
        environment=environment,
        study={"functions": ["mod:f"], "implementations": ["f"]},
        diagnostics=(*made.diagnostics, single),
    )


def row_of(made: ResultSet, case: str = THREADS):
    return analyse(made).row_of[case]


def test_the_traced_turns_of_one_worker_are_the_demand():
    row = row_of(sampled())
    assert isinstance(row.demands, Demands)
    (gil,) = row.demands.stations
    assert gil.station == "gil"
    assert gil.share.value == pytest.approx(0.25)
    assert gil.shape == (0.5, 1.5)
    assert row.demands.cycle_s == pytest.approx(0.01)
    assert gil.prices[1].at(10) == pytest.approx(2e-5)
    assert row.limit is not None
    assert row.limit.speedup.value == pytest.approx(4.0)
    assert row.predictions is not None
    assert row.predictions[-1].speedup.value == pytest.approx(1.0 / (0.25 + 0.002), rel=0.01)


@pytest.mark.parametrize("turns", [None, 3, {"holds": "many"}, {"holds": 5, "held_s": 2.0, "window_s": 1.0}, {}])
def test_without_a_sound_trace_the_sampled_share_counts(turns):
    row = row_of(sampled(turns))
    assert isinstance(row.demands, Demands)
    assert row.demands.stations[0].share.value == pytest.approx(0.25)
    assert row.limit is not None


def test_one_worker_suffices_for_the_gil():
    made = sampled(case="mod:f/f@threads*1#8")
    single = made.diagnostics[-1] | {"case": "mod:f/f@serial#8"}
    row = row_of(replace(made, diagnostics=(single,)), "mod:f/f@threads*1#8")
    assert row.limit is not None
    assert row.limit.speedup.value == pytest.approx(4.0)


def test_unmeasured_prices_widen_the_band_downwards():
    known, unknown = row_of(sampled()), row_of(sampled(price=None))
    assert known.predictions is not None
    assert unknown.predictions is not None
    assert unknown.predictions[-1].speedup.low < known.predictions[-1].speedup.low
    assert unknown.predictions[-1].speedup.high >= known.predictions[-1].speedup.high


def test_a_parent_feeds_as_many_as_its_price_allows():
    case = "mod:f/f@processes*2#8"
    row = row_of(sampled(case=case), case)
    assert row.limit is not None
    assert row.limit.bound_by == "parent"
    assert row.limit.speedup.value == pytest.approx(0.0111 / 0.0011, rel=0.01)


def test_a_parent_feeds_fewer_where_each_worker_makes_it_slower():
    case = "mod:f/f@processes*2#8"
    made = sampled(case=case)
    row = row_of(replace(made, environment={**made.environment, "hand_over_more_s": {"processes": 1e-4}}), case)
    assert row.limit is not None
    workers = row.limit.speedup.value
    assert workers == pytest.approx(1.0 + 0.01 / (1.1e-3 + 1e-4 * (workers - 2.0)), rel=0.01)


@given(st.floats(1e-5, 1e-2), st.floats(0.0, 1e-4), st.floats(1e-4, 10.0))
def test_what_a_parent_feeds_keeps_it_just_busy(hand_over_s, more_s, call_s):
    workers = fed(hand_over_s, more_s, call_s)
    price_s = hand_over_s + more_s * (workers - 2.0)
    assume(workers > 1.0)
    assert (workers - 1.0) * price_s == pytest.approx(call_s, rel=1e-6)


@pytest.mark.parametrize("cause", sorted(set(PLANTED) & set(LAWLESS)))
def test_where_no_law_holds_nothing_is_predicted(cause):
    rows = [row for row in analyse(PLANTED[cause]()).rows if cause in row.codes]
    assert rows
    for row in rows:
        assert row.predictions is None
        assert cause in row.prediction_reason


@pytest.mark.parametrize("cause", sorted(PLANTED))
def test_every_parallel_case_is_predicted_or_has_a_reason(cause):
    for row in analyse(PLANTED[cause]()).rows:
        if not row.case.is_single and row.judged is not None:
            assert (row.predictions is None) == bool(row.prediction_reason)


@pytest.mark.parametrize("cause", ["lock_bound", "memory_bound"])
def test_a_limit_is_not_below_what_was_measured(cause):
    row = next(row for row in analyse(PLANTED[cause]()).rows if row.limit is not None)
    assert row.judged is not None
    assert row.limit is not None
    assert row.limit.speedup.high >= row.judged.value * (1 - 1e-6)
    assert row.limit.bound_by == cause.partition("_")[0]


def test_a_limit_below_what_was_measured_reaches_up_to_it():
    row = row_of(sampled(held=0.8, turns=TURNS | {"held_s": 0.8}))
    assert row.limit is not None
    assert row.judged is not None
    assert row.limit.speedup.low == pytest.approx(1.0 / (0.8 * (1.0 + TRUSTED)))
    assert row.limit.speedup.high >= row.judged.high


def test_verdicts_say_the_limit():
    answer = analyse(sampled())
    (entry,) = to_json(answer, verdict)["verdicts"]
    assert entry["limit"]["speedup"]["value"] == pytest.approx(4.0)
    assert entry["limit"]["bound_by"] == "gil"
    assert "On any number of threads at most 4.00x" in entry["sentence"]
    assert "each call holds the GIL for 25 % of its time" in entry["sentence"]


def test_the_outlook_is_json():
    found = part_to_json(outlook(analyse(sampled()), workers=(8,), changes=[read_change("gil/2")]))
    assert json.loads(json.dumps(found, allow_nan=False))["schema"] == "gilscope.prediction"
    (case,) = found["cases"]
    assert case["case"] == THREADS
    assert set(case["predictions"][0]) == {"workers", "speedup", "bound_by"}
    assert case["measured"][0]["workers"] == 2
    assert case["what_if"][0]["limit"]["speedup"]["value"] == pytest.approx(8.0)


def test_prices_between_measured_holds():
    def price(hold_s: float, value_s: float) -> HandOffPrice:
        return HandOffPrice(hold_s=hold_s, waiting=4, low_s=value_s / 2, value_s=value_s, high_s=2 * value_s)

    low, value, high = prices_at([price(1e-4, 1e-5), price(1e-2, 3e-5)], 1e-3)
    assert (low.at(4), value.at(4), high.at(4)) == pytest.approx((1e-5, 2e-5, 4e-5))
    steady = HandOffPrice(hold_s=1e-3, waiting=4, low_s=1e-5, value_s=1e-5, high_s=1e-5)
    assert [one.at(4) for one in prices_at([steady], 1e-3)] == pytest.approx(
        [(1 - DRIFT) * 1e-5, 1e-5, (1 + DRIFT) * 1e-5]
    )
    assert prices_at([price(1e-4, 1e-5)], 5.0)[1].at(100) == 1e-5
    assert prices_at([], 1e-3)[1].at(4) == 0.0


# What if


def gil_demands() -> Demands:
    demands = row_of(sampled(price=None)).demands
    assert isinstance(demands, Demands)
    return demands


def test_less_under_the_gil_raises_the_limit():
    half = changed(gil_demands(), read_change("gil/2"), (1024,), None)
    none = changed(gil_demands(), read_change("gil=0"), (1024,), None)
    assert half is not None
    assert none is not None
    assert half.limit is not None
    assert half.limit.speedup.value == pytest.approx(8.0)
    assert none.limit is None
    assert none.predictions[0].speedup.value == 1024


def test_a_cheaper_parent_also_makes_one_worker_faster():
    case = "mod:f/f@processes*2#8"
    demands = row_of(sampled(case=case), case).demands
    assert isinstance(demands, Demands)
    tenth = changed(demands, read_change("dispatch/10"), (1,), None)
    assert tenth is not None
    assert tenth.predictions[0].speedup.value == pytest.approx(0.0111 / 0.01011, rel=0.01)
    assert changed(demands, read_change("gil/2"), (4,), None) is None


@pytest.mark.parametrize("text", ["", "gil", "gil=1", "gil*2", "cpu/2", "gil/0.5", "gil/0", "gil/-2", "gil/2 x"])
def test_what_is_no_change_is_refused(text):
    with pytest.raises(UsageError, match="gil/2"):
        read_change(text)
