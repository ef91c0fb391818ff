"""What the diagnostic rounds say of the GIL, and that none of them is believed."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis.gil import holds_gil
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord
from gilscope.core.spec import GilUse
from tests.analysis.rounds import ideal, probe, study
from tests.analysis.synthetic import documented, row

THREADS = "nbody/cy_nogil@threads*2#M"


def seen(*rounds, case: str = THREADS, **more):
    return row(documented(study(case, ideal(2), gil=rounds, **more)), case)["gil"]


def test_diagnostic_rounds_are_averaged_by_their_looks():
    gil = seen(probe(0.8, 1.0), probe(0.5, 0.4, samples=1000))
    assert gil["held"]["value"] == pytest.approx(0.7)
    assert gil["waiting"]["value"] == pytest.approx(0.8)
    assert gil["held"]["blocks"] == 2


def test_the_interval_is_that_of_the_looks_or_of_the_rounds_whichever_is_wider():
    alike, apart = seen(probe(0.7, 1.0), probe(0.7, 1.0)), seen(probe(0.8, 1.0), probe(0.6, 1.0))
    assert alike["held"]["high"] - 0.7 == pytest.approx(0.02 / math.sqrt(2))
    assert (apart["held"]["low"], apart["held"]["high"]) == pytest.approx((0.6, 0.8))


def test_the_price_of_watching_is_said():
    made = study(THREADS, ideal(2), gil=[probe(0.1, 0.0)])
    slower = {**made.diagnostics[0], "wall_ns": round(1.1 * made.diagnostics[0]["wall_ns"])}
    gil = row(documented(dataclasses.replace(made, diagnostics=(slower,))), THREADS)["gil"]
    assert gil["slow_down"]["value"] == pytest.approx(1.1)


def test_processes_have_a_gil_each():
    gil = seen(case="nbody/py_loop@processes*2#S")
    assert (gil["available"], gil["reason"]) == (False, "each process has a GIL of its own")


def test_a_case_nobody_watched_says_how_to_have_it_watched():
    gil = seen()
    assert not gil["available"]
    assert "--budget" in gil["cure"]


def test_a_probe_that_does_not_work_says_why():
    gil = seen({"available": False, "reason": "no GIL: this interpreter runs threads in parallel", "enabled": False})
    assert (gil["available"], gil["enabled"]) == (False, False)
    assert gil["reason"].startswith("no GIL")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(probe(0.5, 0.5))), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*sorted(probe(0.5, 0.5))]), anything), anything, anything)
def test_no_diagnostic_line_is_believed(damage, case, block):
    made = study(THREADS, ideal(2), gil=[{**probe(0.9, 0.9), **damage}, {**probe(0.9, 0.9), **damage}])
    odd = ({**made.diagnostics[0], "case": case}, {**made.diagnostics[0], "block": block}, *made.diagnostics)
    gil = row(documented(dataclasses.replace(made, diagnostics=odd)), THREADS)["gil"]
    assert isinstance(gil["available"], bool)
    assert gil["available"] or gil["reason"]


@pytest.mark.parametrize(
    ("case", "gil", "holds"),
    [
        ("nbody/cy_gil@threads*2#M", None, True),
        ("nbody/cy_nogil@threads*2#M", None, False),
        ("mod:py_loop/py_loop@threads*2#8", None, False),
        ("mod:f/f@threads*2#8", "held", True),
        ("theirs/py_loop@threads*2#M", "released", False),
    ],
)
def test_who_holds_the_gil_is_recorded_and_in_older_files_read_off_the_name(
    case: str, gil: GilUse | None, holds: bool
) -> None:
    assert holds_gil(CaseRecord(case=Case.parse(case), gil=gil)) is holds


def test_one_round_has_the_confidence_of_its_batches_and_without_them_none():
    whole = {"value": 0.7, "low": 0.4, "high": 0.9, "confidence": 0.95, "n": 20}
    new = seen({**probe(0.7, 0.7), "held_long_run": whole, "waiting_long_run": whole})
    old = seen(probe(0.7, 0.7))
    assert (new["waiting"]["low"], new["waiting"]["high"], new["waiting"]["confidence"]) == pytest.approx(
        (0.4, 0.9, 0.95)
    )
    assert old["waiting"]["confidence"] == old["held"]["confidence"] == 0.0


def test_where_waiting_threads_cannot_be_counted_the_reason_is_kept():
    gil = seen({**probe(0.5, 0.0), "waiting": None, "waiting_reason": "known with glibc only"})
    assert (gil["available"], gil["waiting"], gil["waiting_reason"]) == (True, None, "known with glibc only")


def blamed(blame: float, line: int = 7, **more):
    frame = {"file": "server.py", "function": "do_POST", "line": line}
    figures = {"held": 0.5, "blame": blame, "waits_gil": 0.1, "waits_lock": 0.0, "samples": 9}
    return {"frame": frame, "callee": "json.loads", **figures, **more}


def test_the_line_with_most_of_the_blame_is_that_of_all_rounds_together():
    rounds = probe(1.0, 1.0, calls=[blamed(0.6), blamed(0.4, 9)]), probe(1.0, 1.0, calls=[blamed(1.0, 9)], samples=100)
    found = seen(*rounds)["culprit"]
    assert (found["file"], found["line"], found["callee"]) == ("server.py", 7, "json.loads")
    weight = 0.6 * rounds[0]["samples"]
    assert found["share"] == pytest.approx(weight / (rounds[0]["samples"] + 100))


def test_results_of_before_blame_no_line():
    assert seen(probe(1.0, 1.0))["culprit"] is None


@pytest.mark.parametrize("calls", [None, 3, [3], [{}], [blamed("much")], [blamed(-1.0)], [{**blamed(1.0), "frame": 0}]])
def test_calls_that_are_not_as_they_are_written_count_as_none(calls):
    assert seen(probe(1.0, 1.0, calls=calls))["culprit"] is None
