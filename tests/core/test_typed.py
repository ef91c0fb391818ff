"""JSON becomes frozen dataclasses; what does not fit becomes the default or an error, never a surprise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.typed import read


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    kind: Literal["oak", "fir"] = "oak"
    rings: int = 0
    tall: bool | None = None
    first: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)
    heights: tuple[tuple[float, ...], ...] = ()


FULL = {
    "kind": "fir",
    "rings": 3,
    "tall": True,
    "first": {"name": "a", "share": 0.5},
    "leaves": [{"name": "b", "share": None}],
    "sizes": {"x": 1, "y": 2.5},
    "heights": [[1.0, 2.0], []],
}


def test_all_that_fits_is_read() -> None:
    tree = read(Tree, FULL)
    assert tree == Tree("fir", 3, True, Leaf("a", 0.5), (Leaf("b"),), {"x": 1, "y": 2.5}, ((1.0, 2.0), ()))


@pytest.mark.parametrize("facts", [{}, None, [], "text", {"other": 1}])
def test_without_the_fields_there_are_the_defaults(facts) -> None:
    assert read(Tree, facts) == Tree()


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "birch"},
        {"rings": 1.5},
        {"rings": True},
        {"tall": 1},
        {"first": 3},
        {"leaves": {"name": "b"}},
        {"leaves": [1, None]},
        {"sizes": [1]},
        {"sizes": {"x": "1"}},
        {"heights": "1"},
    ],
)
def test_another_type_counts_as_missing(facts) -> None:
    assert read(Tree, facts) == Tree()


def test_a_field_without_a_default_must_be_there() -> None:
    with pytest.raises(ValueError, match="name is missing"):
        read(Tree, {"leaves": [{"share": 1.0}]})


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.sampled_from([entry.name for entry in dataclasses.fields(Tree)]), JSON))
def test_whatever_the_file_has_the_types_are_kept(facts) -> None:
    try:
        tree = read(Tree, facts)
    except ValueError:
        return
    assert type(tree.rings) is int
    assert tree.kind in ("oak", "fir")
    assert all(isinstance(leaf, Leaf) for leaf in tree.leaves)
    assert all(type(size) in (int, float) for size in tree.sizes.values())
