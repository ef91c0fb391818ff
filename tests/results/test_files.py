"""The result file: what was measured survives everything, and no file is believed or overwritten."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gilscope.errors import ForeignFileError, GilscopeError, NewerSchemaError, ResultFileError, UsageError
from gilscope.records import Block, CaseRecord, Round
from gilscope.results import ResultWriter, load, reader, schema, writer
from gilscope.results.codec import decode_study
from gilscope.spec import Case, Study
from tests.results import strategies

STUDY = Study(kernels=("nbody",), implementations=("cy_nogil",), executors=("threads",), workers=(1, 2))
ENVIRONMENT = {"cpus": {"count": 2}, "interpreter": {"label": "3.11"}}
CASE = Case(kernel="nbody", implementation="cy_nogil", executor="threads", workers=2, size="M")
RECORD = CaseRecord(case=CASE, repeats=4)


def block(index: int) -> Block:
    measured = Round(repeats=4, start_ns=100 + index, end_ns=1100 + index)
    return Block(kernel="nbody", index=index, started_ns=index, ended_ns=2000 + index, rounds={CASE.id: measured})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / "result.jsonl"


@pytest.fixture
def written(path):
    """A finished result of one case and three blocks."""
    with ResultWriter(path, STUDY, ENVIRONMENT, "1.2.3") as result:
        result.case(RECORD)
        for index in range(3):
            result.block(block(index))
    return path


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


# Writing --------------------------------------------------------------------------------------------------------------


def test_an_existing_result_is_not_touched(written):
    before = written.read_bytes()
    with pytest.raises(UsageError, match="already holds a result: choose another folder with --out"):
        ResultWriter(written, STUDY, ENVIRONMENT, "1")
    assert written.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"my notes\n", b'{"schema": "something else"}\n'])
def test_a_foreign_file_is_not_touched(tmp_path, content):
    path = tmp_path / "result.jsonl"
    path.write_bytes(content)
    with pytest.raises(ForeignFileError, match="is no result of gilscope: choose another folder with --out"):
        ResultWriter(path, STUDY, ENVIRONMENT, "1")
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_usage_error_with_the_cure(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write to .*; choose another folder with --out"):
        ResultWriter(tmp_path / "file" / "result.jsonl", STUDY, ENVIRONMENT, "1")
    with pytest.raises(UsageError, match=r"cannot write to .*; choose another folder with --out"):
        ResultWriter(tmp_path / "file" / "below" / "result.jsonl", STUDY, ENVIRONMENT, "1")


def test_a_file_that_may_not_be_written_is_a_usage_error_with_the_cure(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(writer.os, "open", refuse)
    with pytest.raises(UsageError, match="Permission denied; choose another folder with --out"):
        ResultWriter(path, STUDY, ENVIRONMENT, "1")


def test_a_full_disk_leaves_whole_lines_and_says_so(path, monkeypatch):
    real = os.write

    def half(fd, data):
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) - 10])

    result = ResultWriter(path, STUDY, ENVIRONMENT, "1")
    result.case(RECORD)
    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "write", half)
        with pytest.raises(ResultFileError, match="No space left on device; what was measured so far is in it"):
            result.block(block(0))
    result.close()
    assert load(path).cases == {CASE.id: RECORD}
    assert load(path).warnings == ()


def test_short_writes_are_continued(path, monkeypatch):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "write", lambda fd, data: real(fd, data[:7]))
        with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
            result.block(block(0))
    assert load(path).blocks == (block(0),)


def test_lines_reach_the_disk_at_most_every_two_seconds_and_at_the_end(path, monkeypatch):
    now, synced_at = [0.0], []
    monkeypatch.setattr(writer.os, "fsync", lambda fd: synced_at.append(now[0]))
    result = ResultWriter(path, STUDY, ENVIRONMENT, "1", clock=lambda: now[0])
    for now[0] in (0.5, 1.9, 2.1, 3.0, 4.0, 4.2, 9.0):
        result.block(block(0))
    now[0] = 9.5
    result.close()
    assert synced_at == [2.1, 4.2, 9.0, 9.5]


def test_a_file_system_that_cannot_sync_is_no_error(path, monkeypatch):
    def refuse(fd):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(writer.os, "fsync", refuse)
    with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
        result.block(block(0))
    assert load(path).blocks == (block(0),)


def test_closing_twice_is_closing_once_and_writing_after_it_is_refused(path):
    result = ResultWriter(path, STUDY, ENVIRONMENT, "1")
    result.close()
    result.close()
    with pytest.raises(ResultFileError, match="closed"):
        result.case(RECORD)


def test_not_a_number_is_never_written(path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        ResultWriter(path, STUDY, {"load": float("nan")}, "1")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_what_was_appended_survives_kill_9(path):
    """The writer tells after each block; it is killed without warning at some later one."""
    code = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from tests.results.test_files import *
        from pathlib import Path
        with ResultWriter(Path({str(path)!r}), STUDY, ENVIRONMENT, "1") as result:
            for index in range(10**9):
                result.block(block(index))
                print(index, flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        told = -1
        while told < 50:
            told = int(process.stdout.readline())
        process.kill()
        for line in process.stdout:
            told = int(line) if line.endswith("\n") else told
    result = load(path)
    assert len(result.blocks) >= told + 1
    assert list(result.blocks) == [block(index) for index in range(len(result.blocks))]


# Reading damaged and foreign files ------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_gives_its_whole_lines_or_one_clear_error(written, tmp_path):
    data = written.read_bytes()
    whole = load(written)
    header = data.index(b"\n")
    cut = tmp_path / "cut.jsonl"
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        if length < header:
            with pytest.raises(ResultFileError) as caught:
                load(cut)
            assert "\n" not in str(caught.value)
            continue
        result = load(cut)
        torn = data[:length].rpartition(b"\n")[2]
        complete = data[:length].count(b"\n") - 1 + (torn.endswith(b"}}") and data[length : length + 1] == b"\n")
        assert len(result.cases) + len(result.blocks) == max(complete, 0)
        assert result.blocks == whole.blocks[: len(result.blocks)]


def test_a_torn_last_line_is_dropped_and_said(written):
    written.write_bytes(written.read_bytes()[:-20])
    result = load(written)
    assert result.blocks == (block(0), block(1))
    assert result.warnings == ("the last line (number 5) was torn and was left out",)


@pytest.mark.parametrize("tail", [b"\0" * 4096, b'{"block": ', b"{}]\n", b"\xff\xfe", b'{"block": NaN}\n', b"[1]"])
def test_rubbish_after_the_last_line_is_dropped_and_said(written, tail):
    written.write_bytes(written.read_bytes() + tail)
    result = load(written)
    assert len(result.blocks) == 3
    assert len(result.warnings) == 1


def test_rubbish_between_lines_is_an_error_with_the_line(written):
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join([*lines[:2], b"rubbish\n", *lines[2:]]))
    with pytest.raises(ResultFileError, match="line 3 is damaged"):
        load(written)


@pytest.mark.parametrize(
    "line",
    [
        '{"case": 1}',
        '{"case": {"id": "nonsense", "status": "ok"}}',
        '{"case": {"id": "nbody/cy_nogil@serial#M"}}',
        '{"case": {"id": "nbody/cy_nogil@serial#M", "status": "splendid"}}',
        '{"case": {"id": "nbody/cy_nogil@serial#M", "status": ["ok"]}}',
        '{"block": []}',
        '{"diagnostic": [1]}',
        '{"block": {"kernel": "nbody", "index": 0, "started_ns": 0, "ended_ns": 1, "rounds": {"x": {}}}}',
        '{"block": {"kernel": "nbody", "index": 1e999, "started_ns": 0, "ended_ns": 1, "rounds": {}}}',
        '{"block": {"kernel": "nbody", "index": Infinity, "started_ns": 0, "ended_ns": 1, "rounds": {}}}',
        '{"block": {"kernel": "nbody", "index": ' + "9" * 5000 + ', "started_ns": 0, "ended_ns": 1, "rounds": {}}}',
        '{"block": ' + "[" * 200_000 + "]" * 200_000 + "}",
    ],
)
def test_a_damaged_line_is_one_clear_error(written, line):
    written.write_text(written.read_text() + line + "\n" + '{"diagnostic": {}}\n')
    with pytest.raises(ResultFileError, match="line 6 is damaged") as caught:
        load(written)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"hello\n",
        b"\x89PNG\r\n\x1a\n\0\0\0",
        b"[]\n",
        b"null\n",
        b'{"schema": "gilscope.analysis", "schema_version": 1}\n',
        b'{"machine_info": {}, "benchmarks": []}\n',
        b'{"schema": "gilscope.res',
        b"[" * 200_000,
        b'{"schema": "gilscope.result", "schema_version": NaN}\n',
    ],
)
def test_a_foreign_file_gets_one_clear_line(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ForeignFileError, match=r"file is (no result of gilscope|empty)") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_schema_is_refused_with_the_cure(written, version):
    written.write_text(written.read_text().replace('"schema_version":1', f'"schema_version":{version}'))
    with pytest.raises(NewerSchemaError, match="pip install -U gilscope"):
        load(written)


@pytest.mark.parametrize("version", ["0", "-1", "1.0", "true", '"1"', "null"])
def test_a_schema_version_that_is_no_version_is_an_error(written, version):
    written.write_text(written.read_text().replace('"schema_version":1', f'"schema_version":{version}'))
    with pytest.raises(ResultFileError, match="no valid schema version"):
        load(written)


def test_an_older_schema_is_migrated_line_by_line(written, monkeypatch):
    def from_1_to_2(line):
        return {("case" if key == "was_case" else key): value for key, value in line.items()}

    written.write_text(written.read_text().replace('{"case":', '{"was_case":'))
    monkeypatch.setattr(reader, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(reader, "MIGRATIONS", {1: from_1_to_2})
    assert load(written).cases == {CASE.id: RECORD}


def test_there_is_a_migration_from_every_older_version():
    assert set(schema.MIGRATIONS) == set(range(1, schema.SCHEMA_VERSION))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("study", 5),
        ("study", {"kernels": "nbody"}),
        ("study", {"workers": ["two"]}),
        ("study", {}),
        ("tool_version", None),
        ("environment", []),
        ("environment", {"cpus": 2}),
        ("environment", {"cpus": {"count": "2"}}),
        ("environment", {"cpus": {"count": 0}}),
        ("environment", {"checks": ["busy"]}),
    ],
)
def test_a_damaged_header_is_one_clear_error(written, name, value):
    header, rest = written.read_text().split("\n", 1)
    written.write_text(json.dumps({**json.loads(header), name: value}) + "\n" + rest)
    with pytest.raises(ResultFileError, match="damaged header"):
        load(written)


def test_lines_of_unknown_kind_are_left_out_and_said(written):
    written.write_text(written.read_text() + '{"remark": "later"}\n')
    result = load(written)
    assert len(result.blocks) == 3
    assert result.warnings == ("lines of unknown kind were left out: remark",)


def test_a_line_longer_than_any_is_refused_without_reading_it_whole(written, monkeypatch):
    monkeypatch.setattr(reader, "MAX_LINE_BYTES", 2000)
    assert len(load(written).blocks) == 3
    written.write_text(written.read_text() + '{"diagnostic": "' + "x" * 5000 + '"}\n')
    with pytest.raises(ResultFileError, match="line 6 is longer than any"):
        load(written)


def test_a_missing_file_and_an_empty_folder_say_so(tmp_path):
    with pytest.raises(ResultFileError, match="there is no such file"):
        load(tmp_path / "nothing")
    with pytest.raises(ResultFileError, match=r"result\.jsonl: there is no such file"):
        load(tmp_path)


def test_a_file_that_may_not_be_read_says_so(written, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ResultFileError, match="cannot be read: Permission denied"):
        load(written)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ForeignFileError, match="no regular file"):
        load(tmp_path / "pipe")


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_after_a_good_header_raise_anything_but_our_errors(written, tail):
    good = written.read_bytes().split(b"\n", 1)[0] + b"\n"
    damaged = written.with_name("damaged.jsonl")
    damaged.write_bytes(good + tail)
    with contextlib.suppress(GilscopeError):
        load(damaged)
