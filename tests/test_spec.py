"""Cases and their names, chunks, and what a study refuses."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope import spec
from gilscope.errors import UsageError
from gilscope.spec import BufferSpec, Case, Impl, Slot, Study, chunk_bounds
from tests.results import strategies

PARTS = {"kernel": "nbody", "implementation": "cy_nogil", "size": "M"}
DATACLASSES = [value for value in vars(spec).values() if dataclasses.is_dataclass(value)]


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


@given(strategies.cases(), strategies.cases())
def test_different_cases_have_different_ids(one, other):
    assert (one == other) == (one.id == other.id)


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


@given(st.integers(0, 10_000), st.integers(1, 300))
def test_chunks_cover_the_extent_once_and_differ_by_one_item_at_most(extent, chunks):
    bounds = chunk_bounds(extent, chunks)
    assert [item for lo, hi in bounds for item in range(lo, hi)] == list(range(extent))
    lengths = {hi - lo for lo, hi in bounds}
    assert len(bounds) == min(extent, chunks)
    assert not lengths or (min(lengths) >= 1 and max(lengths) - min(lengths) <= 1)


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


@pytest.mark.parametrize(("letter", "nbytes"), [("d", 8), ("i", 4), ("q", 8), ("Q", 8), ("I", 4), ("B", 1)])
def test_the_size_of_a_buffer_is_that_of_its_items(letter, nbytes):
    assert BufferSpec(name="a", format=letter, length=10, role="input").nbytes == 10 * nbytes


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_contracts_are_frozen_have_slots_and_take_keywords_only(kind):
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_a_kernel_finds_its_implementations_by_name():
    impl = Impl(name="py_loop", target="._py:py_loop", gil="held")
    kernel = spec.KernelSpec(
        name="k",
        summary="",
        regime="",
        sizes={},
        layout=lambda params: (),
        make_inputs=lambda params, buffers: None,
        extent=lambda params: 1,
        outputs=lambda params: (),
        work=lambda params, result: spec.Work(units=1, unit="x"),
        impls=(impl,),
    )
    assert kernel.impl("py_loop") is impl
    assert kernel.impl("cy_gil") is None
    assert (kernel.phases({}), kernel.reads({}, 0, 0, 1), kernel.check({}, {}, None)) == (1, (), None)
