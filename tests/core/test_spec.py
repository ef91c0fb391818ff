"""Buffers, chunks, implementations, and the shape of all contracts."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core import cases, spec
from gilscope.core.spec import BufferSpec, Impl, chunk_bounds

DATACLASSES = [value for module in (cases, spec) for value in vars(module).values() if dataclasses.is_dataclass(value)]


@given(st.integers(0, 10_000), st.integers(1, 300))
def test_chunks_cover_the_extent_once_and_differ_by_one_item_at_most(extent, chunks):
    bounds = chunk_bounds(extent, chunks)
    assert [item for lo, hi in bounds for item in range(lo, hi)] == list(range(extent))
    lengths = {hi - lo for lo, hi in bounds}
    assert len(bounds) == min(extent, chunks)
    assert not lengths or (min(lengths) >= 1 and max(lengths) - min(lengths) <= 1)


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
        extent=lambda params: 1,
        work=lambda params, result: spec.Work(units=1, unit="x"),
        impls=(impl,),
    )
    assert kernel.impl("py_loop") is impl
    assert kernel.impl("cy_gil") is None
    assert (kernel.phases({}), kernel.reads({}, 0, 0, 1), kernel.check({}, {}, None)) == (1, (), None)
