"""Two results side by side: what intervals decide, and what nothing decides."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from gilscope.analysis import Answer, analyse
from gilscope.analysis.compare import ResultComparison, compare
from gilscope.analysis.compare_json import comparison_to_json
from tests.analysis.synthetic import result
from tests.report.answers import answer, changed, row

CASE = "mandelbrot/cy_nogil@threads*2#M"
OTHER = "mandelbrot/cy_gil@threads*2#M"
HERE: dict[str, dict[str, Any]] = {
    "machine": {"identity": "f00"},
    "cpus": {"count": 2},
    "interpreter": {"version": "3.11.7"},
    "libraries": {"numpy": "2.3.0"},
}
PLACE = {"environment": HERE, "tool_version": "1", "study": {}}


def measured(rate: float = 1e8, half_width: float = 0.01, *, case: str = CASE, **more: Any) -> Answer:
    """Return the answer of one case."""
    return answer([row(case, rate=rate, half_width=half_width, **more)], **PLACE)


def nothing() -> Answer:
    return answer([], **PLACE)


def differing(part: str, name: str, value: object, *, case: str = CASE) -> Answer:
    """Return the answer of a faster case, measured where one fact differs."""
    return changed(measured(2e8, case=case), environment={**HERE, part: {**HERE[part], name: value}})


def outcomes(found: ResultComparison) -> list[str]:
    return [entry.outcome for entry in found.cases]


def names(cases: Any) -> list[str]:
    return [case.id for case in cases]


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (measured(), measured(1.2e8), "faster"),
        (measured(), measured(0.8e8), "slower"),
        (measured(half_width=0.2), measured(0.9e8, 0.2), "no difference shown"),
        (measured(status="too_noisy"), measured(0.8e8), "slower"),
        (measured(), measured(status="failed"), "not comparable"),
        (measured(), measured(blocks=4), "not comparable"),
    ],
)
def test_intervals_decide_between_two_results(old: Answer, new: Answer, outcome: str) -> None:
    (found,) = compare(old, new).cases
    assert found.outcome == outcome
    assert (found.ratio is None) == (outcome == "not comparable")


def test_cases_of_one_result_only_are_not_comparable() -> None:
    assert compare(measured(), nothing()).cases[0].reason == "only in the first result"
    assert compare(nothing(), measured()).cases[0].reason == "only in the second result"


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (differing("machine", "identity", "ba5"), "different machines"),
        (differing("cpus", "count", 4), "different usable CPUs"),
        (differing("interpreter", "version", "3.11.9"), "different interpreters"),
        (changed(measured(2e8), tool_version="2"), "different versions of gilscope"),
        (measured(2e8, isa="avx512"), "different instruction sets"),
    ],
)
def test_what_is_not_the_same_place_is_not_comparable_however_clear_the_ratio(new: Answer, reason: str) -> None:
    old = measured(isa="avx2")
    for anyway in (False, True):
        (found,) = compare(old, new, anyway=anyway).cases
        assert (found.outcome, found.reason) == ("not comparable", reason)
        assert (found.ratio is not None) == anyway


def test_a_case_is_held_against_its_own_interpreter_only() -> None:
    case = f"{CASE}!3.13t"
    other = differing("interpreter", "version", "3.11.9", case=case)
    assert outcomes(compare(measured(case=case), other)) == ["faster"]
    old, new = (
        changed(measured(case=case), environment={**HERE, "interpreters": [{"label": "3.13t", "version": version}]})
        for version in ("3.13.0", "3.13.1")
    )
    assert compare(old, new).cases[0].reason == "different interpreters"


def test_a_changed_library_is_named_and_compared() -> None:
    found = compare(measured(), differing("libraries", "numpy", "2.4.0"))
    assert outcomes(found) == ["faster"]
    assert comparison_to_json(found)["changed"] == [
        {"where": "library", "name": "numpy", "first": "2.3.0", "second": "2.4.0"}
    ]
    assert compare(measured(), differing("libraries", "numba", "0.68")).changed == ()
    assert compare(measured(), changed(measured(), study={"pin": "cores"})).changed[0].now == "cores"


def test_functions_of_ones_own_are_compared_by_task_however_many_make_a_round() -> None:
    def profiled(*cases: str, rate: float) -> Answer:
        return answer([row(case, rate=rate) for case in cases], **{**PLACE, "study": {"functions": ["mod:f"]}})

    old = profiled("mod:f/f@serial#192~c8", "mod:f/f@serial#384~c16", "mod:f/f@threads*2#192", rate=100.0)
    new = profiled("mod:f/f@serial#8~c2", "mod:f/f@threads*2#8~c1", rate=50.0)
    found = compare(old, new, limit=0.05)
    assert [(entry.case.id, entry.outcome) for entry in found.cases] == [
        ("mod:f/f@serial#192~c8", "slower"),
        ("mod:f/f@threads*2#192", "slower"),
    ]
    assert names(found.failed) == ["mod:f/f@serial#192~c8", "mod:f/f@threads*2#192"]


def test_the_gate_fails_only_what_is_certainly_slower() -> None:
    assert names(compare(measured(), measured(0.9e8), limit=0.05).failed) == [CASE]
    assert names(compare(measured(), measured(0.96e8), limit=0.05).failed) == []
    assert names(compare(measured(), measured(0.5e8)).failed) == []


@pytest.mark.parametrize(
    ("old", "new", "undecided"),
    [
        (measured(), measured(0.9e8), []),
        (measured(), measured(status="failed"), [CASE]),
        (measured(), measured(blocks=4), [CASE]),
        (measured(), differing("machine", "identity", "ba5"), [CASE]),
        (measured(status="failed"), measured(status="failed"), []),  # nothing to be held to
        (measured(), nothing(), []),  # nobody asked for it again
    ],
)
def test_the_gate_passes_no_case_it_cannot_compare(old: Answer, new: Answer, undecided: list[str]) -> None:
    found = compare(old, new, limit=0.05, anyway=True)
    assert names(found.undecided) == undecided
    assert found.decided == (outcomes(found) == ["slower"])


def test_a_gate_over_some_comparable_cases_is_undecided_while_others_are_not() -> None:
    old = answer([row(CASE), row(OTHER)], **PLACE)
    new = answer([row(CASE), row(OTHER, status="failed")], **PLACE)
    found = compare(old, new, limit=0.05)
    assert (names(found.failed), names(found.undecided), found.decided) == ([], [OTHER], False)


def test_a_gate_is_undecided_while_a_case_is_missing_of_a_kernel_that_was_measured_again() -> None:
    found = compare(answer([row(CASE), row(OTHER)], **PLACE), measured(), limit=0.05)
    assert (names(found.undecided), found.decided) == ([OTHER], False)


def test_what_differs_around_no_case_is_not_named() -> None:
    labelled = f"{CASE}!3.13t"
    old, new = (
        changed(found, rows=[row(labelled)]) for found in (measured(), differing("interpreter", "version", "3.9.9"))
    )
    found = compare(old, new)
    assert (found.surroundings, outcomes(found)) == ((), ["no difference shown"])


def test_the_document_has_the_figures() -> None:
    found = comparison_to_json(compare(measured(), measured(0.5e8), limit=0.05))
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "schema": "gilscope.comparison",
        "schema_version": 1,
        "surroundings": [],
        "changed": [],
        "cases": [
            {
                "case": CASE,
                "verdict": "slower",
                "ratio": {
                    "value": pytest.approx(0.5),
                    "low": pytest.approx(0.5 * 0.99 / 1.01),
                    "high": pytest.approx(0.5 * 1.01 / 0.99),
                },
                "reason": "",
            }
        ],
        "failed": [CASE],
        "undecided": [],
    }


def _different(pairs: int, change: float, half_width: float) -> float:
    """Return the share of pairs of runs called different, each run with luck of 1 %, the second slower by ``change``.

    Intervals are as narrow as asked: blocks that scatter only hide the luck of a run.
    """
    draw = random.Random(1)

    def run(rate: float) -> Answer:
        return measured(1e8 * rate * (1.0 + draw.gauss(0.0, 0.01)), half_width)

    found = [compare(run(1.0), run(1.0 - change)).cases[0].outcome for _ in range(pairs)]
    return sum(outcome != "no difference shown" for outcome in found) / pairs


def test_the_luck_of_a_run_makes_no_difference_in_more_than_5_per_cent_of_pairs() -> None:
    assert 0.02 < _different(2000, 0.0, half_width=1e-4) < 0.05
    assert _different(500, 0.0, half_width=0.005) < 0.02


def test_a_tenth_is_a_difference() -> None:
    assert _different(200, 0.1, half_width=0.005) > 0.9


def test_the_blocks_of_a_run_share_its_luck() -> None:
    draw = random.Random(3)

    def run(luck: float) -> Answer:
        times = {CASE: lambda at: luck * (1.0 + 0.01 * draw.gauss(0.0, 1.0))}
        return analyse(result({"mandelbrot": times}, blocks=20, environment=HERE))

    assert outcomes(compare(run(1.0), run(1.01))) == ["no difference shown"]
    assert outcomes(compare(run(1.0), run(1.1))) == ["slower"]
