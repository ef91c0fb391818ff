"""Reading: no file is believed, damaged ones give what is whole or one clear line."""

from __future__ import annotations

import contextlib
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gilscope.core.errors import ForeignFileError, GilscopeError, NewerSchemaError, ResultFileError
from gilscope.results import load, reader, schema

from .samples import CASE, RECORD, block


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
    with pytest.raises(ForeignFileError, match=r"file is (not a result of gilscope|empty)") as caught:
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
    with pytest.raises(ForeignFileError, match="not a regular file"):
        load(tmp_path / "pipe")


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_after_a_good_header_raise_anything_but_our_errors(written, tail):
    good = written.read_bytes().split(b"\n", 1)[0] + b"\n"
    damaged = written.with_name("damaged.jsonl")
    damaged.write_bytes(good + tail)
    with contextlib.suppress(GilscopeError):
        load(damaged)
