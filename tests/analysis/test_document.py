"""The analysis document keeps to its schema, and its cost grows with the rounds, not faster."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gilscope.analysis import columns
from gilscope.analysis.to_json import json_schema
from gilscope.core.cases import Case, Study
from gilscope.core.records import ResultSet
from gilscope.results import ResultWriter, load
from tests.analysis.synthetic import documented, record, result, row, spin
from tests.results import strategies

T1, T2 = "nbody/cy_nogil@serial#M~c8", "nbody/cy_nogil@threads*2#M"
TIMES = {"nbody": {T1: 0.2, T2: 0.1, "A/A:" + T1: 0.2, **spin(2)}}
DOCS = Path(__file__).parents[2] / "docs" / "schema.md"


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def test_a_usual_document_keeps_to_the_schema(validator):
    records = [
        record(T2, one_time_ns={"start": 2_000_000}, isa="x86-64-v3"),
        record("nbody/nb_gil@serial#M", status="failed"),
    ]
    document = documented(result(TIMES, records=records))
    validator.validate(document)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert row(document, T2)["one_time_s"] == {"start": 0.002}
    validator.validate({**document, "interrupted": True})


@given(st.lists(strategies.records, max_size=6), st.lists(strategies.blocks, max_size=6))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_file_may_hold_the_document_keeps_to_the_schema(validator, records, blocks):
    made = ResultSet(
        path="r",
        tool_version="1",
        study={},
        environment={},
        cases={one.case.id: one for one in records},
        blocks=tuple(blocks),
    )
    document = documented(made)
    validator.validate(document)
    json.dumps(document, allow_nan=False)
    assert len(document["cases"]) == len(made.cases)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: d["cases"][0].pop("speedup"),
        lambda d: d["cases"][0].update(status="splendid"),
        lambda d: d["cases"][1]["speedup"].pop("confidence"),
        lambda d: d["cases"][0].update(workers=0),
        lambda d: d["controls"][0].update(kernel="nbody"),
        lambda d: d.update(schema_version=2),
        lambda d: d["cases"][0]["rate"].pop("unit"),
    ],
)
def test_the_schema_refuses_documents_that_are_not_ours(validator, break_it):
    document = documented(result(TIMES))
    break_it(document)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)


def test_what_cannot_be_told_yet_says_why():
    document = documented(result(TIMES))
    assert set(document["not_analysed"]) == {"gil", "losses"}
    assert all(document["not_analysed"].values())
    two = row(document, T2)
    assert (two["gil"]["available"], two["gil"]["enabled"], two["losses"]) == (False, True, None)
    assert two["gil"]["reason"]
    assert two["gil"]["cure"]
    assert set(documented(result(TIMES, blocks=2))["not_analysed"]) == {"gil", "losses", "findings"}


def test_facts_about_the_result_are_passed_on():
    document = documented(result(TIMES, warnings=("the last line was torn",)))
    assert document["result"] == "out/result.jsonl"
    assert document["warnings"] == ["the last line was torn"]
    assert document["environment"]["cpus"] == {"count": 2}
    assert row(document, T2)["interpreter"] == "3.11"


def test_a_file_and_the_result_it_was_written_from_give_the_same_document(tmp_path):
    made = result(TIMES)
    study = Study(kernels=("nbody",), implementations=("cy_nogil",), executors=("threads",), workers=(1, 2))
    path = tmp_path / "result.jsonl"
    with ResultWriter(path, study, made.environment, made.tool_version) as writer:
        for one in made.cases.values():
            writer.case(one)
        for one in made.blocks:
            writer.block(one)
    read, direct = documented(load(path)), documented(made)
    for document in (read, direct):
        del document["study"], document["result"]
    assert read == direct


def test_analysis_imports_no_kernel():
    code = (
        "import sys, gilscope.analysis, gilscope.results\n"
        "print(*(name for name in sys.modules if name.startswith(('gilscope.kernels', 'gilscope.executors', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def many(cases: int, blocks: int) -> ResultSet:
    """Return a result of one kernel with so many parallel cases, each with its T(1)."""
    times = {**spin(2)}
    for chunks in range(1, cases + 1):
        case = Case.parse(f"nbody/cy_nogil@threads*2#M~c{chunks}")
        times |= {case.t1.id: 0.2, case.id: 0.1}
    return result({"nbody": times}, blocks=blocks)


def steps(made: ResultSet, monkeypatch) -> int:
    """Return how many values pass through the two functions that loop over blocks."""
    count = 0
    ratio, estimate_or_none = columns.ratio, columns.estimate_or_none

    def counted_ratio(a, b):
        nonlocal count
        count += len(a)
        return ratio(a, b)

    def counted_estimate(sample):
        nonlocal count
        count += len(sample)
        return estimate_or_none(sample)

    with monkeypatch.context() as patch:
        for module in (columns, sys.modules["gilscope.analysis.estimates"]):
            patch.setattr(module, "ratio", counted_ratio)
        patch.setattr(columns, "estimate_or_none", counted_estimate)
        documented(made)
    return count


def test_cost_is_linear_in_the_rounds(monkeypatch):
    once = steps(many(20, 10), monkeypatch)
    assert steps(many(200, 10), monkeypatch) == pytest.approx(10 * once, rel=0.1)
    assert steps(many(20, 100), monkeypatch) == pytest.approx(10 * once, rel=0.01)
    assert once < 20 * len(many(20, 10).blocks) * 2 * 20


def test_the_documentation_names_every_field_of_the_schema():
    text = DOCS.read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+)`", text))

    def fields(schema):
        for name, inner in schema.get("properties", {}).items():
            yield name
            yield from fields(inner)

    wanted = {name for part in (json_schema(), *json_schema()["$defs"].values()) for name in fields(part)}
    assert wanted - named == set()
