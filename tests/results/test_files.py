"""The result file as a whole: what was written is read back."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gilscope.core.records import CaseRecord
from gilscope.results import ResultWriter, load
from gilscope.results.codec import decode_study

from . import strategies
from .samples import CASE, ENVIRONMENT, RECORD, STUDY, block


def test_what_was_written_is_read_back(written):
    result = load(written)
    assert result.cases == {CASE.id: RECORD}
    assert result.blocks == (block(0), block(1), block(2))
    assert (result.path, result.tool_version, result.warnings) == (str(written), "1.2.3", ())
    assert result.environment == ENVIRONMENT
    assert decode_study(result.study) == STUDY


@given(st.lists(strategies.records, max_size=4), st.lists(strategies.blocks, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_result_is_read_back(tmp_path, records, blocks):
    path = tmp_path / "any.jsonl"
    path.unlink(missing_ok=True)
    with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
        for record in records:
            result.case(record)
        for one in blocks:
            result.block(one)
    read = load(path)
    assert list(read.cases.values()) == list({record.case.id: record for record in records}.values())
    assert list(read.blocks) == blocks


def test_every_line_is_a_json_object_of_one_kind(written):
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert lines[0]["schema"] == "gilscope.result"
    assert [list(line) for line in lines[1:]] == [["case"], ["block"], ["block"], ["block"]]


def test_a_later_line_about_a_case_replaces_an_earlier_one(path):
    failed = CaseRecord(case=CASE, status="failed", reason="it died")
    with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
        result.case(RECORD)
        result.case(failed)
    assert load(path).cases == {CASE.id: failed}


def test_diagnostic_lines_are_kept_as_they_are(path):
    with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
        result.diagnostic({"case": CASE.id, "held": [1, 2.5, None]})
    assert load(path).diagnostics == ({"case": CASE.id, "held": [1, 2.5, None]},)


def test_a_folder_stands_for_the_result_in_it(written):
    assert load(written.parent).blocks == load(written).blocks
    assert load(str(written.parent)).path == str(written)
