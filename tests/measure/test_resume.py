"""What may be gone on with: the same study, on the same machine, by the same gilscope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gilscope.core.cases import Study
from gilscope.core.errors import UsageError
from gilscope.core.records import ResultSet
from gilscope.measure.resume import check_resumable, continued
from gilscope.results.codec import encode_study

STUDY = Study(kernels=("nbody",), implementations=("cy_nogil",), executors=("threads",), workers=(1, 2), budget_s=60.0)
HERE = {
    "machine": {"identity": "f00", "cpu_model": "fast"},
    "cpus": {"count": 2, "quota_cpus": None},
    "interpreter": {"version": "3.13.1", "gil_enabled": True},
}


def earlier(study: Study = STUDY) -> ResultSet:
    return ResultSet(
        path="r", tool_version="1", study=encode_study(study), environment=HERE, cases={}, blocks=(), warnings=()
    )


def test_without_words_the_earlier_study_goes_on():
    assert continued(earlier(), None, budget_s=None, precision=None) == STUDY


def test_budget_and_precision_may_change():
    study = continued(earlier(), replace(STUDY, budget_s=90.0), budget_s=90.0, precision=None)
    assert study == replace(STUDY, budget_s=90.0)
    assert continued(earlier(), None, budget_s=None, precision=0.01) == replace(STUDY, precision=0.01)


def test_another_study_is_refused_with_what_differs():
    with pytest.raises(UsageError, match="different: workers"):
        continued(earlier(), replace(STUDY, workers=(2,)), budget_s=None, precision=None)


def test_functions_of_ones_own_are_left_to_profile():
    study = replace(STUDY, functions=("pkg:f",))
    with pytest.raises(UsageError, match="gilscope profile"):
        continued(earlier(study), None, budget_s=None, precision=None)


def test_the_same_machine_may_go_on():
    check_resumable(earlier(), {**HERE, "started_utc": "later"}, "1")


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [("machine", "identity", "ba5"), ("cpus", "count", 1), ("interpreter", "gil_enabled", False)],
)
def test_blocks_of_another_machine_are_never_added(part, name, value):
    with pytest.raises(UsageError, match=rf"measured elsewhere \({part} {name}: .*another folder with --out"):
        check_resumable(earlier(), {**HERE, part: {**HERE[part], name: value}}, "1")


def test_another_gilscope_does_not_go_on():
    with pytest.raises(UsageError, match="measured with gilscope 1, this is 2"):
        check_resumable(earlier(), HERE, "2")
