"""Two results side by side: what intervals decide, and what nothing decides."""

from __future__ import annotations

from typing import Any

import pytest

from gilscope.analysis.versus import decided, versus
from gilscope.cases import Case
from tests.report.documents import row

CASE = "mandelbrot/cy_nogil@threads*2#M"
HERE = {
    "machine": {"identity": "f00"},
    "cpus": {"count": 2},
    "interpreter": {"version": "3.11.7"},
    "libraries": {"numpy": "2.3.0"},
}


def document(rate: float = 1e8, half_width: float = 0.01, *, case: str = CASE, **more: Any) -> dict[str, Any]:
    cases = [row(case, rate=rate, half_width=half_width, **more)]
    return {"cases": cases, "environment": HERE, "tool_version": "1", "study": {}}


def differing(part: str, name: str, value: object, *, case: str = CASE) -> dict[str, Any]:
    """Return the document of a faster case, measured where one fact differs."""
    return {**document(2e8, case=case), "environment": {**HERE, part: {**HERE[part], name: value}}}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (document(), document(1.2e8), "faster"),
        (document(), document(0.8e8), "slower"),
        (document(half_width=0.2), document(0.9e8, 0.2), "no difference shown"),
        ({**document(), "cases": [{**row(CASE), "status": "too_noisy"}]}, document(0.8e8), "slower"),
        (document(), document(status="failed"), "not comparable"),
        (document(), document(blocks=4), "not comparable"),
    ],
)
def test_intervals_decide_between_two_results(old, new, verdict) -> None:
    (found,) = versus(old, new)["cases"]
    assert found["verdict"] == verdict
    assert (found["ratio"] is None) == (verdict == "not comparable")


def test_cases_of_one_result_only_are_not_comparable() -> None:
    other = {**document(), "cases": []}
    assert versus(document(), other)["cases"][0]["reason"] == "only in the first result"
    assert versus(other, document())["cases"][0]["reason"] == "only in the second result"


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (differing("machine", "identity", "ba5"), "different machines"),
        (differing("cpus", "count", 4), "different usable CPUs"),
        (differing("interpreter", "version", "3.11.9"), "different interpreters"),
        ({**document(2e8), "tool_version": "2"}, "different versions of gilscope"),
        (document(2e8, isa="avx512"), "different instruction sets"),
    ],
)
def test_what_is_not_the_same_place_is_not_comparable_however_clear_the_ratio(new, reason) -> None:
    old = document(isa="avx2")
    for anyway in (False, True):
        (found,) = versus(old, new, anyway=anyway)["cases"]
        assert (found["verdict"], found["reason"]) == ("not comparable", reason)
        assert (found["ratio"] is not None) == anyway


def test_a_case_is_held_against_its_own_interpreter_only() -> None:
    case = f"{CASE}!3.13t"
    other = differing("interpreter", "version", "3.11.9", case=case)
    assert versus(document(case=case), other)["cases"][0]["verdict"] == "faster"
    old, new = (
        {**document(case=case), "environment": {**HERE, "interpreters": [{"label": "3.13t", "version": version}]}}
        for version in ("3.13.0", "3.13.1")
    )
    assert versus(old, new)["cases"][0]["reason"] == "different interpreters"


def test_a_changed_library_is_told_and_compared() -> None:
    found = versus(document(), differing("libraries", "numpy", "2.4.0"))
    assert found["cases"][0]["verdict"] == "faster"
    assert found["changed"] == [{"where": "library", "name": "numpy", "first": "2.3.0", "second": "2.4.0"}]
    assert versus(document(), differing("libraries", "numba", "0.68"))["changed"] == []
    assert versus(document(), {**document(), "study": {"pin": "cores"}})["changed"][0]["second"] == "cores"


def test_functions_of_ones_own_are_compared_by_task_however_many_make_a_round() -> None:
    def profiled(*cases: str, rate: float) -> dict[str, Any]:
        rows = [{**row(case, rate=rate), "chunks_per_worker": Case.parse(case).chunks_per_worker} for case in cases]
        return {**document(), "cases": rows, "study": {"functions": ["mod:f"]}}

    old = profiled("mod:f/f@serial#192~c8", "mod:f/f@serial#384~c16", "mod:f/f@threads*2#192", rate=100.0)
    new = profiled("mod:f/f@serial#8~c2", "mod:f/f@threads*2#8~c1", rate=50.0)
    found = versus(old, new, limit=0.05)
    assert [(entry["case"], entry["verdict"]) for entry in found["cases"]] == [
        ("mod:f/f@serial#192~c8", "slower"),
        ("mod:f/f@threads*2#192", "slower"),
    ]
    assert found["failed"] == ["mod:f/f@serial#192~c8", "mod:f/f@threads*2#192"]


def test_the_gate_fails_only_what_is_certainly_slower() -> None:
    assert versus(document(), document(0.9e8), limit=0.05)["failed"] == [CASE]
    assert versus(document(), document(0.96e8), limit=0.05)["failed"] == []
    assert versus(document(), document(0.5e8))["failed"] == []


@pytest.mark.parametrize(
    ("old", "new", "undecided"),
    [
        (document(), document(0.9e8), []),
        (document(), document(status="failed"), [CASE]),
        (document(), document(blocks=4), [CASE]),
        (document(), differing("machine", "identity", "ba5"), [CASE]),
        (document(status="failed"), document(status="failed"), []),  # nothing to be held to
        (document(), {**document(), "cases": []}, []),  # nobody asked for it again
    ],
)
def test_the_gate_passes_no_case_it_cannot_compare(old, new, undecided) -> None:
    found = versus(old, new, limit=0.05, anyway=True)
    assert found["undecided"] == undecided
    assert decided(found) == (found["cases"][0]["verdict"] == "slower")


def test_a_gate_over_some_comparable_cases_is_undecided_while_others_are_not() -> None:
    other = "mandelbrot/cy_gil@threads*2#M"
    old = {**document(), "cases": [row(CASE), row(other)]}
    new = {**document(), "cases": [row(CASE), row(other, status="failed")]}
    found = versus(old, new, limit=0.05)
    assert (found["failed"], found["undecided"], decided(found)) == ([], [other], False)


def test_a_gate_is_undecided_while_a_case_is_missing_of_a_kernel_that_was_measured_again() -> None:
    other = "mandelbrot/cy_gil@threads*2#M"
    found = versus({**document(), "cases": [row(CASE), row(other)]}, document(), limit=0.05)
    assert (found["undecided"], decided(found)) == ([other], False)


def test_what_differs_around_no_case_is_not_told() -> None:
    labelled = f"{CASE}!3.13t"
    old, new = (
        {**found, "cases": [row(labelled)]} for found in (document(), differing("interpreter", "version", "3.9.9"))
    )
    found = versus(old, new)
    assert (found["surroundings"], found["cases"][0]["verdict"]) == ([], "no difference shown")
