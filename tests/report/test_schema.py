"""docs/schema.md names every field that a document may have."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gilscope import env
from gilscope.analysis import analyse
from gilscope.analysis.compare import compare
from gilscope.analysis.compare_json import comparison_to_json
from gilscope.analysis.predict.outlook import outlook
from gilscope.analysis.predict.whatif import read_change
from gilscope.analysis.to_json import json_schema, part_to_json
from gilscope.core.cases import Case, Study
from gilscope.core.records import CaseRecord
from gilscope.core.spec import Work
from gilscope.kernels.user import Examined
from gilscope.results.codec import encode_block, encode_case_record
from gilscope.results.surroundings import HandOffPrice
from gilscope.testing import GilGate, ScalingResult
from tests.analysis.predict.test_demands import sampled
from tests.analysis.rounds import ideal, study

TEXT = (Path(__file__).resolve().parents[2] / "docs/schema.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([\w.]+)`", TEXT))

_FREE = ("patternProperties", "additionalProperties")  # names that the data chooses


def _properties(schema: Any) -> Iterator[str]:
    """Yield every property a JSON Schema names."""
    if isinstance(schema, Mapping):
        yield from schema.get("properties", ())
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)


def _undescribed(names: Iterator[str] | set[str] | Mapping[str, Any]) -> list[str]:
    return sorted(set(names) - NAMED)


def test_every_property_of_the_analysis_is_described() -> None:
    assert _undescribed(_properties(json_schema())) == []


def test_every_field_of_a_study_is_described() -> None:
    assert _undescribed({field.name for field in dataclasses.fields(Study)}) == []


def test_every_fact_about_the_surroundings_is_described() -> None:
    captured = env.capture()
    found = {
        "hand_over_s",
        "hand_over_most_s",
        "hand_over_more_s",
        "hand_off",
        *(one.name for one in dataclasses.fields(HandOffPrice)),
    }
    assert _undescribed(set(captured) | set(captured["cpus"]) | found) == []
    assert _undescribed(Examined(items=3).stored()) == []


def test_every_field_of_a_line_is_described() -> None:
    case = Case.parse("nbody/py_loop@serial#S")
    record = encode_case_record(CaseRecord(case=case, work=Work(units=1, unit="steps")))
    assert _undescribed(set(record) | set(record["work"])) == []
    block = encode_block(study("nbody/py_loop@threads*2#S", ideal(2)).blocks[0])
    assert _undescribed(set(block) | {name for measured in block["rounds"].values() for name in measured}) == []


def test_every_field_of_a_comparison_is_described() -> None:
    answer = analyse(study("nbody/py_loop@threads*2#S", ideal(2)))
    found = comparison_to_json(compare(answer, answer, limit=0.05))
    assert _undescribed({*found, *found["cases"][0]}) == []
    assert found["failed"] == []


def test_every_field_of_an_outlook_is_described() -> None:
    found = part_to_json(outlook(analyse(sampled()), changes=[read_change("gil/2")]))
    assert _undescribed({*found, *found["cases"][0], *found["cases"][0]["what_if"][0]}) == []


def test_every_field_of_a_decision_is_described() -> None:
    told: list[dict[str, Any]] = []
    seen = study("mod:f/f@threads*2#8", ideal(2))
    result = ScalingResult(func=len, args=(), kwargs={}, report=told.append, _result=seen, _answer=analyse(seen))
    result.require(relative_efficiency=0.8)
    with pytest.raises(AssertionError):
        GilGate(report=told.append).assert_released(sum, range(200_000))
    assert [decision["gate"] for decision in told] == ["scaling", "gil"]
    assert _undescribed({name for decision in told for name in decision}) == []
    json.dumps(told, allow_nan=False)


def test_the_check_finds_what_is_missing() -> None:
    assert _undescribed({"schema", "no_such_field"}) == ["no_such_field"]
