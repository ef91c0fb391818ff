"""Importing implementations and seeing shared memory as buffers."""

from __future__ import annotations

import sys
from array import array
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core import targets
from gilscope.core.spec import BufferSpec

BUFFERS = st.lists(st.tuples(st.sampled_from("diqQIB"), st.integers(0, 3000)), max_size=6)


def make(buffers: list[tuple[str, int]]) -> targets.Layout:
    return targets.layout(
        BufferSpec(name=f"b{i}", format=form, length=length, role="input")  # type: ignore[arg-type]
        for i, (form, length) in enumerate(buffers)
    )


@given(buffers=BUFFERS)
def test_buffers_start_on_pages_and_do_not_overlap(buffers: list[tuple[str, int]]) -> None:
    size, places = make(buffers)
    end = 0
    for _, form, offset, length in places:
        assert offset % targets.PAGE_BYTES == 0
        assert offset >= end
        end = offset + length * array(form).itemsize
    assert size >= max(end, 1)


@given(buffers=BUFFERS)
def test_views_are_flat_buffers_of_the_format_and_length(buffers: list[tuple[str, int]]) -> None:
    placed = make(buffers)
    views = targets.views(bytearray(placed[0]), placed)
    assert [(view.format, len(view), view.ndim) for view in views.values()] == [(f, n, 1) for f, n in buffers]


def test_views_share_the_memory_but_no_objects() -> None:
    placed = make([("d", 3)])
    memory = bytearray(placed[0])
    left, right = targets.views(memory, placed)["b0"], targets.views(memory, placed)["b0"]
    left[1] = 2.5
    assert right.tolist() == [0.0, 2.5, 0.0]
    assert left is not right


def test_resolve_imports_what_the_target_names() -> None:
    assert targets.resolve("math:sqrt")(9.0) == 3.0


def test_resolve_says_what_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        targets.resolve("no_such_module:f")
    with pytest.raises(AttributeError, match="no_such_function"):
        targets.resolve("math:no_such_function")


def _module(name: str, **attributes: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(attributes)
    return module


@pytest.mark.parametrize(
    ("isa", "has_v3", "expected"),
    [("x86-64", True, "twin"), ("x86-64", False, "baseline"), ("x86-64-v4", True, "baseline")],
)
def test_the_avx2_twin_runs_where_the_baseline_was_built_and_the_cpu_has_avx2(
    monkeypatch: pytest.MonkeyPatch, isa: str, has_v3: bool, expected: str
) -> None:
    baseline = _module("planted", ISA=isa, CPU_HAS_V3=has_v3, f=lambda: "baseline")
    monkeypatch.setitem(sys.modules, "planted", baseline)
    monkeypatch.setitem(sys.modules, "planted_v3", _module("planted_v3", ISA="x86-64-v3", f=lambda: "twin"))
    assert targets.resolve("planted:f")() == expected
    assert targets.isa_of("planted:f") == ("x86-64-v3" if expected == "twin" else isa)


def test_a_baseline_without_twin_runs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "planted", _module("planted", ISA="x86-64", CPU_HAS_V3=True, f=lambda: "baseline"))
    assert targets.resolve("planted:f")() == "baseline"


def test_what_is_not_compiled_has_no_instruction_set() -> None:
    assert targets.isa_of("math:sqrt") == ""


@pytest.mark.parametrize(
    ("hits", "misses", "expected"), [({}, {}, "none"), ({"sig": 1}, {}, "cached"), ({"sig": 1}, {"sig": 1}, "cold")]
)
def test_the_jit_cache_is_read_from_the_dispatchers_statistics(
    hits: dict[str, int], misses: dict[str, int], expected: str
) -> None:
    def wrapper() -> None: ...

    wrapper.dispatcher = SimpleNamespace(  # type: ignore[attr-defined]
        stats=SimpleNamespace(cache_hits=hits, cache_misses=misses)
    )
    assert targets.jit_cache_of(wrapper) == expected


def test_a_plain_function_has_no_jit_cache() -> None:
    assert targets.jit_cache_of(len) == "none"
