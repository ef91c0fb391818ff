"""The verbs metg, ipc and startup: what they refuse, what they write, what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.cli.ipc import parse_sizes
from gilscope.errors import UsageError
from tests.report import studies

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1KiB,1MiB,1GiB", (1 << 10, 1 << 20, 1 << 30)),
        ("1M, 4k,4KB", (4096, 1 << 20)),
        ("100", (100,)),
        ("64b", (64,)),
    ],
)
def test_sizes_are_read_smallest_first(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", ",", "1TB", "big", "-1", "0", "1.5M", "2000000000000"])
def test_what_is_no_size_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="write sizes like 1KiB,1MiB,1GiB"):
        parse_sizes(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["metg", "--executors", "thread"], "did you mean 'threads'"),
        (["metg", "--task", "40parsecs"], "write it like 40us"),
        (["metg", "--workers", "none"], "workers 'none' is no whole number"),
        (["metg", "--budget", "-1"], "must be above zero"),
        (["startup", "--executors", "forks"], "did you mean 'fork'"),
        (["startup", "--executors", ","], "write them with commas"),
        (["ipc", "--sizes", "much"], "write sizes like"),
        (["ipc", "--start-method", "spoon"], "known are fork, forkserver, spawn"),
    ],
)
def test_bad_input_is_one_line_with_the_cure(folder: Path, capsys: Captured, arguments: list[str], said: str) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert list(folder.iterdir()) == []


@pytest.fixture
def measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace measuring METG by a document made by hand."""
    document = studies.metg(task_s=40e-6)
    monkeypatch.setattr("gilscope.cli.metg._run", lambda options, interpreters, quiet: document)
    return document


def test_the_document_is_written_shown_and_printed(measured: dict[str, Any], folder: Path, capsys: Captured) -> None:
    measured["rows"] = [row for row in measured["rows"] if row["status"] != "failed"]
    assert main(["metg", "--out", "here"]) == 0
    assert "result: here/metg.json" in capsys.readouterr().out
    assert json.loads((folder / "here/metg.json").read_text(encoding="utf-8")) == measured
    assert main(["metg", "--json", "--out", "there"]) == 0
    assert json.loads(capsys.readouterr().out) == measured


def test_a_result_is_never_overwritten(measured: dict[str, Any], capsys: Captured) -> None:
    main(["metg", "--out", "here"])
    capsys.readouterr()
    assert main(["metg", "--out", "here"]) == 2
    assert "already holds a metg.json: choose another folder with --out\n" in capsys.readouterr().err


def test_failures_and_interruptions_are_exit_statuses(measured: dict[str, Any], folder: Path) -> None:
    assert main(["metg", "--out", "failed"]) == 1
    measured["interrupted"] = True
    assert main(["metg", "--out", "interrupted"]) == 130
    assert (folder / "interrupted/metg.json").exists()  # what there is is kept
    measured["blocks"] = 0
    assert main(["metg", "--out", "nothing"]) == 130
    assert not (folder / "nothing").exists()


def test_metg_is_measured_from_the_command_line(folder: Path, capsys: Captured) -> None:
    arguments = ["--executors", "threads,threadpool", "--workers", "2", "--budget", "0.5s", "--quiet"]
    assert main(["metg", *arguments, "--task", "40us", "--json", "--out", "here"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["label"] for row in document["rows"]][::2] == ["threads", "ThreadPoolExecutor"]
    assert document["blocks"] >= 1
    for row in document["rows"]:
        assert row["status"] in ("ok", "not_reached", "below_sweep"), row["reason"]
        assert row["empty_task_s"]["value"] > 0
