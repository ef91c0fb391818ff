"""Cases and their names, and what a study refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from gilscope.core.cases import Case, Slot, Study
from gilscope.core.errors import UsageError
from tests.results import strategies

PARTS = {"kernel": "nbody", "implementation": "cy_nogil", "size": "M"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nbody/cy_nogil@threads*4#M", {"executor": "threads", "workers": 4}),
        ("nbody/cy_nogil@serial#M~c8", {"executor": "serial", "workers": 1, "chunks_per_worker": 8}),
        (
            "nbody/cy_nogil@processes*4#M",
            {"executor": "processes", "workers": 4, "start_method": "forkserver", "transport": "shm"},
        ),
        (
            "nbody/cy_nogil@processes.spawn.pickle*4#M~c2!3.13t+gil",
            {
                "executor": "processes",
                "workers": 4,
                "start_method": "spawn",
                "transport": "pickle",
                "chunks_per_worker": 2,
                "interpreter": "3.13t+gil",
            },
        ),
    ],
)
def test_a_case_id_names_the_case_and_leaves_defaults_out(text, parts):
    assert Case.parse(text) == Case(**PARTS, **parts)
    assert Case(**PARTS, **parts).id == text


@given(strategies.cases())
def test_a_case_survives_its_id(case):
    assert Case.parse(case.id) == case


@given(strategies.cases())
def test_a_case_is_found_by_each_of_its_ids(case):
    assert all(Case.parse(alias) == case for alias in case.aliases)


@given(strategies.cases(), strategies.cases())
def test_different_cases_have_different_ids(one, other):
    assert (one == other) == (one.id == other.id)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m:f/f_nested@threads*2#8", "m:f/f@threads.all*2#8"),
        ("m:f/f_nested@serial#8~c8!3.13t", "m:f/f@serial.all#8~c8!3.13t"),
        ("m:f_nested-g.py:f/f@threads*2#8", ""),
        ("m:f/f_own_threads@native*2#8", "m:f/f@native*2#8"),
    ],
)
def test_an_id_of_version_0_1_0_is_read_and_kept_as_an_alias(old: str, new: str) -> None:
    case = Case.parse(old)
    assert case == Case.parse(new or old)
    assert (case.id, case.aliases) == ((new, (old,)) if new else (old, ()))


def test_which_threads_the_libraries_have_is_part_of_a_case() -> None:
    ids = ("m:f/f@threads*2#8", "m:f/f@threads.all*2#8", "m:f/f@native*2#8", "nbody/cy_prange@native*2#M")
    assert [Case.parse(text).libraries for text in ids] == ["", "all", "native", "native"]
    nested = Case.parse(ids[1])
    assert (nested.t1.id, nested.implementation) == ("m:f/f@serial.all#8~c8", "f")
    assert replace(Case.parse(ids[2]), executor="threads") == Case.parse(ids[0])


def test_memory_that_is_kept_is_part_of_a_case_and_of_its_t1() -> None:
    kept = Case.parse("m:f/f@threads.all.kept*2#8!3.13t")
    assert (kept.libraries, kept.memory, kept.aliases) == ("all", "kept", ())
    assert kept.id == "m:f/f@threads.all.kept*2#8!3.13t"
    assert kept.t1.id == "m:f/f@serial.all.kept#8~c8!3.13t"
    assert replace(kept, libraries="").language != Case.parse("m:f/f@threads*2#8").language


def test_of_a_kernel_every_name_is_a_name() -> None:
    case = Case.parse("kernel/f_nested@threads*2#8")
    assert (case.implementation, case.libraries, case.aliases) == ("f_nested", "", ())


@pytest.mark.parametrize(
    "text", ["", "nbody", "nbody/cy_nogil", "nbody/cy_nogil@threads*x#M", "nbody/cy_nogil@threads*2"]
)
def test_what_is_no_case_id_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(UsageError, match=r"is no case: write it like nbody/cy_nogil@threads\*2#M"):
        Case.parse(text)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"workers": -1}, {"workers": 1, "chunks_per_worker": 0}])
def test_a_case_without_workers_or_chunks_is_refused(wrong):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Case(**PARTS, executor="threads", **wrong)


@pytest.mark.parametrize(
    ("case", "t1"),
    [
        ("nbody/cy_nogil@threads*4#M", "nbody/cy_nogil@serial#M~c16"),
        ("nbody/cy_nogil@threads*4#M~c1", "nbody/cy_nogil@serial#M"),
        ("nbody/cy_nogil@processes.spawn.pickle*2#M!3.13t", "nbody/cy_nogil@serial#M~c8!3.13t"),
        ("nbody/cy_nogil@threads.weak*4#M", "nbody/cy_nogil@serial#M"),
        ("nbody/cy_nogil@processes.fork.weak*4#M~c2", "nbody/cy_nogil@serial#M~c2"),
        ("nbody/cy_nogil@threads.dynamic*4#M", "nbody/cy_nogil@serial#M~c16"),
        ("nbody/cy_prange@native*4#M", "nbody/cy_prange@native*1#M"),
        ("nbody/cy_nogil@serial#M~c8", "nbody/cy_nogil@serial#M~c8"),
    ],
)
def test_t1_is_serial_with_as_many_chunks_or_one_own_thread(case, t1):
    assert Case.parse(case).t1.id == t1


@given(strategies.cases())
def test_t1_has_the_chunks_of_its_case_and_is_its_own_t1(case):
    assert case.t1.t1 == case.t1
    assert case.t1.workers == 1
    assert case.executor == "native" or case.t1.chunks == case.chunks


STUDY = {"kernels": ("nbody",), "implementations": ("cy_nogil",), "executors": ("threads",), "workers": (1, 2)}


@pytest.mark.parametrize("budget", [0, -1.0, float("nan"), float("inf")])
def test_a_study_without_a_finite_budget_above_zero_is_refused(budget):
    with pytest.raises(UsageError, match="must be above zero: write it like 60"):
        Study(**STUDY, budget_s=budget)


@pytest.mark.parametrize("precision", [0, 1, -0.1, float("nan")])
def test_a_study_with_an_impossible_precision_is_refused(precision):
    with pytest.raises(UsageError, match="between 0 and 100 %"):
        Study(**STUDY, precision=precision)


@pytest.mark.parametrize("workers", [(), (0,), (2, -1)])
def test_a_study_without_workers_is_refused(workers):
    with pytest.raises(UsageError, match="workers must be 1 or more"):
        Study(**{**STUDY, "workers": workers})


def test_a_slot_is_named_after_its_case_and_a_controls_role():
    case = Case.parse("spin/cy_nogil@threads*2#M")
    assert Slot(case=case).key == case.id
    assert Slot(case=case, role="spin").key == "spin:" + case.id
