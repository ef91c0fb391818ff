"""Blame by the lines of the program's own code: what counts as a library, what a call is called, what JSON has."""

from __future__ import annotations

import json

import pytest

from gilscope.core import typed
from gilscope.telemetry.blame import Call, below_library, blame_facts, by_call, full_name, in_library, kept_calls
from gilscope.telemetry.reading import GilReport
from gilscope.telemetry.stacks import HOLDS, Frame
from tests.made_stacks import DECODE, HANDLER, HASHING, JOIN, LOADS, MAIN, RUN, server, stacks


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/usr/lib/python3.11/json/__init__.py", "json.f"),
        ("/opt/venv/lib/python3.14t/site-packages/requests/api.py", "requests.api.f"),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml.f"),
        ("/root/.pyenv/versions/3.13.1/lib/python3.13/threading.py", "threading.f"),
        ("<frozen importlib._bootstrap>", "importlib._bootstrap.f"),
        (r"C:\Python\Lib\site-packages\attr\_make.py", "attr._make.f"),
    ],
)
def test_functions_of_libraries_have_their_dotted_name(file: str, name: str) -> None:
    assert in_library(file)
    assert full_name(Frame(file=file, function="f", line=1)) == name


@pytest.mark.parametrize("file", ["/srv/app/server.py", "server.py", "<string>", "/home/me/lib/tools.py"])
def test_other_files_are_the_programs_own(file: str) -> None:
    assert not in_library(file)
    assert below_library(file) == file


def test_time_in_a_library_belongs_to_the_line_that_called_it() -> None:
    worst, second, third = by_call(server())
    assert (worst.frame, worst.callee, worst.blame, worst.held) == (HANDLER, "json.loads", 1.42, 0.5)
    assert worst.waits_gil == pytest.approx(0.72)
    assert (second.frame, second.callee, second.blame, second.waits_gil) == (HASHING, "", 0.2, 0.9)
    assert (third.frame, third.callee, third.waits_lock, third.held) == (MAIN, "threading.Thread.join", 1.0, 0.0)


def test_without_a_line_of_its_own_the_innermost_one_counts() -> None:
    (found,) = by_call(stacks((HOLDS, (DECODE, LOADS, RUN), 1.0, 1.0)))
    assert (found.frame, found.callee) == (DECODE, "")


def test_the_json_has_lines_functions_waiting_lines_and_the_stacks() -> None:
    facts = blame_facts(server())
    assert facts["lines"][0] == {
        "file": DECODE.file, "function": "JSONDecoder.raw_decode", "line": 353, "held": 0.5, "blame": 1.42
    }  # fmt: skip
    assert [row["function"] for row in facts["functions"]] == ["JSONDecoder.raw_decode", "Handler.do_GET"]
    most = facts["waiting_lines"][0]
    assert (most["line"], most["callee"], most["lock"]) == (30, "threading.Thread.join", 1.0)
    assert JOIN.line not in {row["line"] for row in facts["lines"]}
    assert blame_facts(None) == {}


def test_stacks_are_stored_and_read_again() -> None:
    report = GilReport(available=False, reason="no GIL", stacks=server())
    assert GilReport.of(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize(("name", "value"), [("frames", [99]), ("state", "dances")])
def test_stacks_that_name_what_is_not_there_are_refused(name: str, value: object) -> None:
    facts = GilReport(available=False, stacks=server()).to_dict()
    facts["stacks"]["stacks"][0][name] = value
    with pytest.raises(ValueError, match="a stack names"):
        GilReport.of(facts)


def test_a_report_from_before_has_no_stacks_and_no_reason() -> None:
    old = GilReport.of({"available": False, "reason": "no probe"})
    assert (old.stacks, old.stacks_reason) == (None, "")


def test_a_result_keeps_the_worst_calls_without_their_folders() -> None:
    worst, second = kept_calls(server())
    assert (worst["frame"]["file"], worst["callee"], worst["blame"]) == ("server.py", "json.loads", 1.42)
    assert second["frame"] == {"file": "server.py", "function": "Handler.do_GET", "line": 12}
    assert kept_calls(None) == []
    (library,) = kept_calls(stacks((HOLDS, (DECODE, LOADS, RUN), 1.0, 1.0)))
    assert library["frame"]["function"] == "json.decoder.JSONDecoder.raw_decode"
    assert typed.read(Call, library).frame.file == "json/decoder.py"
