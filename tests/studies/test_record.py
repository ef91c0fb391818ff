"""The file of a study holds all that was measured, whatever ends the program; nothing else is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.core.errors import ForeignFileError, NewerSchemaError, ResultFileError, UsageError
from gilscope.studies.engine import carry_out, continued
from gilscope.studies.record import StudyBlock, StudyLog, StudyRecord, read_record
from tests.studies.logged import log_of
from tests.studies.tea import TEA, Cup, TeaRequest, pot

KINDS = {"tea": TEA}
HERE = {"machine": {"identity": "f00"}}


def block(**seconds: float) -> StudyBlock[Cup]:
    samples = {key: Cup(seconds=value) for key, value in seconds.items()}
    return StudyBlock(started_ns=0, ended_ns=10**9, samples=samples, controls={"spin": 1.5})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tea.jsonl"


@pytest.fixture
def written(path: Path) -> Path:
    with log_of(TEA, TeaRequest(), path) as log:
        log.put("a", pot("a"), Cup(seconds=2.0))
        log.put("b", pot("b"))
        log.block(block(a=1.0, b=2.0))
        log.note("b", "failed", "it broke")
        log.block(block(a=3.0))
    return path


def test_a_file_is_read_as_it_was_written(written):
    kind, record = read_record(written, KINDS)
    assert kind is TEA
    assert record.asked == TeaRequest()
    assert record.items["a"].plan == Cup(seconds=2.0)
    assert (record.items["b"].row.status, record.items["b"].row.reason) == ("failed", "it broke")
    assert [cup.seconds for cup in record.samples("a")] == [1.0, 3.0]
    assert [cup.seconds for cup in record.samples("b")] == [2.0]
    assert (record.spent_s, record.ended, record.controls()["spin"].value) == (2.0, False, 1.5)


def test_every_line_is_there_at_once(written):
    """Nothing waits for the end: the log was closed, but a reader need not wait for that."""
    lines = written.read_text().splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["schema", "item", "item", "block", "item", "block"]


def test_what_is_known_already_is_not_said_again(path):
    with log_of(TEA, TeaRequest(), path) as log:
        for _ in range(3):
            log.put("a", pot("a"))
    assert len(path.read_text().splitlines()) == 2


def test_a_torn_last_line_is_left_out_and_said(written):
    with written.open("ab") as file:
        file.write(b'{"block":{"started_ns":1,"en')
    _, record = read_record(written, KINDS)
    assert len(record.blocks) == 2
    assert record.warnings == ["the last line (number 7) was torn and was left out"]
    assert "torn" in TEA.document(record).notes[-1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"block": {"started_ns": 0, "ended_ns": 1, "samples": {"c": {"seconds": 1.0}}, "controls": {}}}, "known of c"),
        ({"block": {"started_ns": 0, "ended_ns": 1, "samples": {"a": {"seconds": "1"}}, "controls": {}}}, "sample a"),
        ({"block": {"started_ns": 0, "samples": {}, "controls": {}}}, "'ended_ns' is missing"),
        ({"block": 3}, "not subscriptable"),
        ({"item": {"key": "a", "row": {"label": 1}, "plan": None}}, "row.label must not be int"),
        ({"resumed": {}}, "'environment' is missing"),
    ],
)
def test_a_damaged_line_is_named(written, line, said):
    with written.open("a") as file:
        file.write(json.dumps(line) + "\n{}\n")
    with pytest.raises(ResultFileError, match=f"line 7 is damaged: .*{said}"):
        read_record(written, KINDS)


def test_kinds_of_lines_that_nobody_knows_are_left_out(written):
    with written.open("a") as file:
        file.write('{"weather": "fine"}\n')
    assert read_record(written, KINDS)[1].warnings == ["lines of unknown kind were left out: weather"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"schema": "gilscope.result"}, ForeignFileError, "not a result of gilscope"),
        ({"schema_version": 9}, NewerSchemaError, "newer gilscope"),
        ({"study": "coffee"}, ResultFileError, "study is none of tea"),
        ({"asked": {"budget_s": "long"}}, ResultFileError, "asked.budget_s must not be str"),
        ({"environment": {"checks": 1}}, ResultFileError, "environment.checks must be a list"),
    ],
)
def test_another_header_is_refused(written, change, error, said):
    first, _, rest = written.read_text().partition("\n")
    written.write_text(json.dumps({**json.loads(first), **change}) + "\n" + rest)
    with pytest.raises(error, match=said):
        read_record(written, KINDS)


def test_there_is_one_writer_at_a_time(path):
    with log_of(TEA, TeaRequest(), path), pytest.raises(UsageError, match="another gilscope is writing"):
        StudyLog(TEA, StudyRecord(path=str(path), asked=TeaRequest(), environment={}), resume=True)
    with pytest.raises(UsageError, match="already holds a result: choose another folder with --out, or go on"):
        log_of(TEA, TeaRequest(), path)


# The engine -----------------------------------------------------------------------------------------------------------


def measure(log, *, blocks=2, interrupt=False):
    log.put("a", pot("a"))
    for _ in range(blocks):
        log.block(block(a=1.0))
    if interrupt:
        raise KeyboardInterrupt


def carried(path, budget_s=20.0, environment=HERE, *, resume=False, **what):
    request = TeaRequest(budget_s=budget_s)
    return carry_out(TEA, path, request, environment, lambda log: measure(log, **what), resume=resume)


def test_a_study_is_interrupted_until_it_came_to_its_end(path):
    assert carried(path, interrupt=True).interrupted
    again = carried(path, resume=True)
    assert (again.interrupted, again.blocks, again.notes) == (False, 4, ("2 pots",))


def test_what_ends_in_an_error_is_not_at_its_end(path):
    def fail(log):
        measure(log)
        raise ResultFileError("no room")

    with pytest.raises(ResultFileError, match="no room"):
        carry_out(TEA, path, TeaRequest(), HERE, fail)
    document = TEA.document(read_record(path, KINDS)[1])
    assert (document.interrupted, document.blocks) == (True, 2)


def test_a_complete_study_is_measured_again_with_a_larger_budget_only(path):
    carried(path)
    assert carried(path, resume=True).blocks == 2
    again = carried(path, 30.0, resume=True)
    assert (again.blocks, again.asked.budget_s, again.interrupted) == (4, 30.0, False)


def test_blocks_of_another_machine_or_gilscope_are_never_added(path):
    carried(path, interrupt=True)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"measured elsewhere \(machine identity: .*another folder with --out"):
        carried(path, environment={"machine": {"identity": "ba5"}}, resume=True)
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b'"tool_version":"', b'"tool_version":"9'))
    with pytest.raises(UsageError, match="was measured with gilscope 9"):
        carried(path, resume=True)


def test_the_earlier_request_goes_on_with_another_budget_if_one_is_given(path):
    carried(path)
    assert continued(TEA, path, None, budget_s=None) == TeaRequest()
    assert continued(TEA, path, None, budget_s=40.0) == TeaRequest(budget_s=40.0)
    assert continued(TEA, path, TeaRequest(budget_s=40.0), budget_s=40.0) == TeaRequest(budget_s=40.0)
    with pytest.raises(UsageError, match=r"holds another study \(different: pots, seed\): give --resume with the same"):
        continued(TEA, path, TeaRequest(pots=("c",), seed=2), budget_s=None)
