"""The verbs metg, ipc and startup: what they refuse, what they write, what they leave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.cli.readers import parse_sizes
from gilscope.core.errors import UsageError
from gilscope.core.spec import Availability
from gilscope.studies.document import to_json
from gilscope.studies.kinds import json_schema
from gilscope.studies.metg import METG as METG_KIND
from gilscope.studies.metg import MetgRequest, ways_of
from gilscope.studies.metg.rows import row_of
from gilscope.studies.record import StudyLog, StudyRecord
from tests.report import studies
from tests.studies.logged import log_of
from tests.validators import keeps_to

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
        (["metg", "--workers", "none"], "workers 'none' is not a whole number"),
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


class FakeEngine:
    """Stands in for ``studies.engine.carry_out``: the file is there, and what is in it was made by hand."""

    def __init__(self) -> None:
        self.more: dict[str, Any] = {}
        self.requests: list[Any] = []
        self.resumed: list[bool] = []

    def carry_out(self, kind: Any, path: Path, request: Any, *_: Any, resume: bool) -> Any:
        self.requests.append(request)
        self.resumed.append(resume)
        if not resume:
            path.write_text("")
        return studies.metg(task_s=40e-6, **self.more)


@pytest.fixture
def measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr("gilscope.studies.engine.carry_out", fake.carry_out)
    return fake


METG = ["metg", "--executors", "threads"]


def test_what_was_found_is_shown_or_printed(measured: FakeEngine, capsys: Captured) -> None:
    document = to_json(studies.metg(task_s=40e-6))
    measured.more = {"rows": [row for row in document["rows"] if row["status"] != "failed"]}
    assert main([*METG, "--out", "here"]) == 0
    assert "result: here/metg.jsonl" in capsys.readouterr().out
    assert main([*METG, "--json", "--out", "there"]) == 0
    assert json.loads(capsys.readouterr().out) == {**document, **measured.more}


def test_a_result_is_never_overwritten(measured: FakeEngine, folder: Path, capsys: Captured) -> None:
    (folder / "here").mkdir()
    (folder / "here" / "metg.jsonl").write_text("mine")
    assert main([*METG, "--out", "here"]) == 2
    said = "already holds a metg.jsonl: choose another folder with --out, or go on by --resume\n"
    assert said in capsys.readouterr().err
    assert (folder / "here" / "metg.jsonl").read_text() == "mine"


def test_failures_and_interruptions_are_exit_statuses(measured: FakeEngine) -> None:
    assert main([*METG, "--out", "failed"]) == 1
    measured.more = {"interrupted": True}
    assert main([*METG, "--out", "interrupted"]) == 130


def test_what_cannot_be_measured_leaves_nothing(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Availability(ok=False, reason="not installed", cure="install it")
    monkeypatch.setattr("gilscope.studies.startup.availability", lambda kind: absent)
    assert main(["startup", "--executors", "dask", "--out", "there"]) == 2
    assert capsys.readouterr().err == "gilscope: nothing of this is here: dask: not installed\n"
    assert list(folder.iterdir()) == []


# Going on -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(folder: Path, measured: FakeEngine) -> MetgRequest:
    """Leave a study with one item in two folders; return what was asked."""
    request = MetgRequest(executors=("threads",), workers=2, budget_s=30.0, seed=7)
    way = ways_of(request)[0]
    for place in ("here", "gilscope-results/earlier"):
        with log_of(METG_KIND, request, folder / place / "metg.jsonl") as log:
            log.put("threads steps", row_of(way, "steps"))
    return request


@pytest.mark.parametrize("where", [["--out", "here"], []], ids=["--out", "newest"])
def test_resume_goes_on_with_what_was_asked_before(measured: FakeEngine, begun: MetgRequest, where: list[str]) -> None:
    main(["metg", "--resume", *where])
    main(["metg", "--resume", *where, "--budget", "90s"])
    main(["metg", "--resume", *where, "--executors", "threads", "--workers", "2", "--seed", "7"])
    assert measured.requests == [begun, replace(begun, budget_s=90.0), begun]
    assert measured.resumed == [True, True, True]


def test_resume_of_another_study_is_refused(
    measured: FakeEngine, begun: MetgRequest, folder: Path, capsys: Captured
) -> None:
    assert main(["metg", "--resume", "--out", "here", "--workers", "3"]) == 2
    assert "here/metg.jsonl holds another study (different: executors, workers, seed): give" in capsys.readouterr().err
    assert measured.requests == []


def test_where_there_is_nothing_to_resume_it_says_so_unless_a_kill_came_before_the_first_line(
    measured: FakeEngine, folder: Path, capsys: Captured
) -> None:
    assert main([*METG, "--resume", "--out", "new"]) == 2
    assert "nothing to resume in 'new'" in capsys.readouterr().err
    (folder / "new").mkdir()
    (folder / "new" / "metg.jsonl").write_text("")
    main([*METG, "--resume", "--out", "new"])
    assert measured.resumed == [False]


def test_resume_runs_no_program_that_only_the_file_names(folder: Path, capsys: Captured) -> None:
    request = MetgRequest(executors=("threads",), interpreters=("3.14t",))
    evil = folder / "evil"
    evil.write_text("#!/bin/sh\ntouch was_run\n")
    evil.chmod(0o755)
    strange = {"interpreters": [{"label": "3.14t", "executable": str(evil)}]}
    path = folder / "here" / "metg.jsonl"
    with StudyLog(METG_KIND, StudyRecord(path=str(path), asked=request, environment=strange)):
        pass
    assert main(["metg", "--resume", "--out", "here"]) == 2
    assert f"names {evil}, which would be run" in " ".join(capsys.readouterr().err.split())
    assert not (folder / "was_run").exists()


# Showing --------------------------------------------------------------------------------------------------------------


def test_show_reads_a_study_as_far_as_it_got(begun: MetgRequest, capsys: Captured) -> None:
    for what in (["here"], ["here/metg.jsonl"], []):
        assert main(["show", *what]) == 0
        out = capsys.readouterr().out
        assert "Stopped before the first block; go on with: gilscope metg --resume --out" in out
        assert "threads" in out
    assert main(["show", "here", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    keeps_to(document, json_schema)
    assert (document["interrupted"], document["blocks"], document["asked"]["seed"]) == (True, 0, 7)


def test_show_reads_what_earlier_versions_wrote_under_any_name(folder: Path, capsys: Captured) -> None:
    for name in ("startup.json", "mine.json"):
        (folder / name).write_text(json.dumps(to_json(studies.startup())))
        assert main(["show", name]) == 0
        assert "create and join 4 workers, 9 blocks" in capsys.readouterr().out


def test_show_of_several_studies_shows_all_and_prints_one(begun: MetgRequest, folder: Path, capsys: Captured) -> None:
    (folder / "here" / "ipc.json").write_text(json.dumps(to_json(studies.ipc())))
    assert main(["show", "here"]) == 0
    out = capsys.readouterr().out
    assert "METG(50 %) with 2 workers" in out
    assert "one way, 9 blocks" in out
    assert main(["show", "here", "--json"]) == 2
    assert "holds 2 studies: name one, like 'here/metg.jsonl'" in capsys.readouterr().err
    assert main(["show", "here", "--case", "a"]) == 2
    assert "is a study and has no cases: show it without --case" in capsys.readouterr().err


def test_a_damaged_study_is_one_line(begun: MetgRequest, folder: Path, capsys: Captured) -> None:
    with (folder / "here" / "metg.jsonl").open("a") as file:
        file.write('{"block": 3}\n{}\n')
    assert main(["show", "here"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("gilscope: here/metg.jsonl, line 3 is damaged: ")
    assert err.count("\n") == 1


def test_metg_is_measured_from_the_command_line(folder: Path, capsys: Captured) -> None:
    arguments = ["--executors", "threads,threadpool", "--workers", "2", "--budget", "0.5s", "--quiet"]
    assert main(["metg", *arguments, "--task", "40us", "--json", "--out", "here"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["label"] for row in document["rows"]][::2] == ["threads", "ThreadPoolExecutor"]
    assert document["blocks"] >= 1
    for row in document["rows"]:
        assert row["status"] in ("ok", "not_reached", "below_sweep"), row["reason"]
        assert row["empty_task_s"]["value"] > 0
