"""Writing: what was measured survives everything, and no file is overwritten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from gilscope.core.errors import ForeignFileError, ResultFileError, UsageError
from gilscope.results import ResultWriter, appending, load

from .samples import CASE, ENVIRONMENT, RECORD, STUDY, block


def test_an_existing_result_is_not_touched(written):
    before = written.read_bytes()
    with pytest.raises(UsageError, match="already holds a result: choose another folder with --out"):
        ResultWriter(written, STUDY, ENVIRONMENT, "1")
    assert written.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"my notes\n", b'{"schema": "something else"}\n'])
def test_a_foreign_file_is_not_touched(tmp_path, content):
    path = tmp_path / "result.jsonl"
    path.write_bytes(content)
    with pytest.raises(ForeignFileError, match="is not a result of gilscope: choose another folder with --out"):
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

    monkeypatch.setattr(appending.os, "open", refuse)
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
        patch.setattr(appending.os, "write", half)
        with pytest.raises(ResultFileError, match="No space left on device; what was measured so far is in it"):
            result.block(block(0))
    result.close()
    assert load(path).cases == {CASE.id: RECORD}
    assert load(path).warnings == ()


def test_short_writes_are_continued(path, monkeypatch):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(appending.os, "write", lambda fd, data: real(fd, data[:7]))
        with ResultWriter(path, STUDY, ENVIRONMENT, "1") as result:
            result.block(block(0))
    assert load(path).blocks == (block(0),)


def test_lines_reach_the_disk_at_most_every_two_seconds_and_at_the_end(path, monkeypatch):
    now, synced_at = [0.0], []
    monkeypatch.setattr(appending.os, "fsync", lambda fd: synced_at.append(now[0]))
    result = ResultWriter(path, STUDY, ENVIRONMENT, "1", clock=lambda: now[0])
    for now[0] in (0.5, 1.9, 2.1, 3.0, 4.0, 4.2, 9.0):
        result.block(block(0))
    now[0] = 9.5
    result.close()
    assert synced_at == [2.1, 4.2, 9.0, 9.5]


def test_a_file_system_that_cannot_sync_is_no_error(path, monkeypatch):
    def refuse(fd):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(appending.os, "fsync", refuse)
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
        from gilscope.results import ResultWriter
        from tests.results.samples import *
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
