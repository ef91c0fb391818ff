"""Dataclasses go to JSON and come back as they were; what does not fit their annotations is refused by name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.stats import Estimate
from gilscope.studies.codec import Count, Positive, decode, encode, schema_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """What is inside."""

    word: Literal["a", "b"]
    number: Positive = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """What is outside.

    More of it.
    """

    count: Count
    share: float
    flag: bool
    several: tuple[Inner | Other, ...] = ()
    by_number: Mapping[int, float] | None = None
    by_word: Mapping[Literal["x", "y"], Estimate | None]
    anything: Mapping[str, Any]


def estimates() -> st.SearchStrategy[Estimate]:
    finite = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-90)
    return st.builds(
        lambda value, below, above, confidence, n: Estimate(
            value=value, low=value - below, high=value + above, confidence=confidence, n=n
        ),
        finite,
        st.sampled_from([0.0, 1.0, math.inf]),
        st.sampled_from([0.0, 1.0, math.inf]),
        st.sampled_from([0.0, 0.95]),
        st.integers(1, 100),
    )


outers = st.builds(
    Outer,
    count=st.integers(0, 1 << 62),
    share=st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-90),
    flag=st.booleans(),
    several=st.lists(
        st.one_of(
            st.builds(Inner, word=st.sampled_from(["a", "b"]), number=st.integers(1, 9)),
            st.builds(Other, what=st.text(max_size=5)),
        )
    ).map(tuple),
    by_number=st.none() | st.dictionaries(st.integers(-9, 9), st.sampled_from([0.0, 1.5])),
    by_word=st.fixed_dictionaries({"x": st.none() | estimates(), "y": st.none() | estimates()}),
    anything=st.dictionaries(st.text(max_size=5), st.integers(0, 9)),
)
WHOLE = Outer(
    count=0,
    share=0.5,
    flag=True,
    several=(Inner(word="a"), Other(what="it")),
    by_word={"x": None, "y": None},
    anything={},
)


@given(outers)
def test_what_is_written_is_read_and_described(value):
    written = json.loads(json.dumps(encode(value), allow_nan=False))
    assert decode(Outer, written) == value
    definitions: dict[str, Any] = {}
    schema = schema_of(Outer, definitions)
    jsonschema.validate(written, {**schema, "$defs": definitions})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("count", -1, "it.count is out of range"),
        ("count", True, "it.count must not be bool"),
        ("share", "much", "it.share must not be str"),
        ("share", 1e300, "it.share is out of range"),
        ("share", 5e-324, "it.share is out of range"),
        ("flag", 1, "it.flag must not be int"),
        ("several", {}, "it.several must not be dict"),
        ("several", [{}], "it.several[0] has no what"),
        ("by_number", {"one": 1.0}, "invalid literal"),
        ("by_word", {"x": None}, "it.by_word has no y"),
        ("by_word", {"x": {"value": 1.0}, "y": None}, "it.by_word.x has no low"),
        ("anything", None, "it.anything must not be NoneType"),
    ],
)
def test_what_does_not_fit_is_named(field, value, said):
    with pytest.raises(ValueError, match=said.replace("[", r"\[").replace("]", r"\]")):
        decode(Outer, {**encode(WHOLE), field: value})


def test_fields_may_be_more_and_those_with_a_default_may_be_missing():
    written = {**encode(WHOLE), "later": 1}
    del written["by_number"]
    assert decode(Outer, written) == WHOLE
    del written["flag"]
    with pytest.raises(ValueError, match="it has no flag"):
        decode(Outer, written)


def test_an_end_beyond_the_measured_is_null_and_so_is_a_value_beyond_it():
    found = encode(Estimate(value=2.0, low=1.0, high=math.inf, confidence=0.95, n=9))
    assert found == {"value": 2.0, "low": 1.0, "high": None, "confidence": 0.95, "blocks": 9}
    assert encode(Estimate(value=math.inf, low=1.0, high=math.inf, confidence=0.95, n=9)) is None
    for wrong in ({"confidence": 1.0}, {"blocks": 0}):
        with pytest.raises(ValueError, match="is out of range"):
            decode(Estimate, {**found, **wrong})


def test_classes_are_described_by_the_first_line_of_their_text():
    definitions: dict[str, Any] = {}
    assert schema_of(Outer, definitions) == {"$ref": "#/$defs/Outer"}
    assert definitions["Outer"]["description"] == "What is outside."
    assert definitions["Outer"]["required"] == ["count", "share", "flag", "by_word", "anything"]
