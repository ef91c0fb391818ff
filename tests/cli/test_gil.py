"""``gilscope gil``: the program is as without it, and the report comes besides."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.telemetry.gil import GilMonitor
from gilscope.telemetry.reading import NO_SAMPLE, GilReport
from tests.made_stacks import server
from tests.report.gil.test_text import seen

Captured = pytest.CaptureFixture[str]
Write = Callable[..., str]


@pytest.fixture
def script(folder: Path) -> Write:
    def write(text: str, name: str = "program.py") -> str:
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return name

    return write


@pytest.fixture
def _no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = dict.fromkeys(("held", "waiting", "threads", "overdue", "lines"), "not on this machine")
    monkeypatch.setattr("gilscope.telemetry.gil._checked", reasons)
    monkeypatch.setattr("gilscope.telemetry.gil.gil_enabled", lambda: True)


def report_of(text: str) -> Any:
    found = json.loads(text)
    assert (found["schema"], found["schema_version"]) == ("gilscope.gil", 1)
    return found


def test_stdout_is_the_programs_and_the_report_goes_to_stderr(script: Write, capsys: Captured) -> None:
    assert main(["gil", script("print('mine')")]) == 0
    out, err = capsys.readouterr()
    assert out == "mine\n"
    assert "GIL of      program.py" in err
    assert "verdict" in err


def test_what_follows_the_script_belongs_to_it(script: Write, capsys: Captured) -> None:
    path = script("import sys; print(sys.argv[1:])")
    assert main(["gil", "--rate", "500", path, "--json", "-m", "--rate", "x", "--help", "--", "-"]) == 0
    assert capsys.readouterr().out == "['--json', '-m', '--rate', 'x', '--help', '--', '-']\n"


def test_a_module_gets_its_own_options(script: Write, capsys: Captured) -> None:
    script("import sys; print(sys.argv[1:])", "module_under_gil.py")
    assert main(["gil", "-m", "module_under_gil", "-m", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == "['-m', '--json']\n"
    assert "GIL of      -m module_under_gil" in err


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("raise SystemExit(7)", 7, "exit status 7"),
        ("import sys; sys.exit('no luck')", 1, "no luck"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("x =", 1, "SyntaxError"),
        ("raise KeyboardInterrupt", 130, "exit status 130"),
    ],
)
def test_a_program_that_fails_keeps_its_status_and_gets_its_report(
    script: Write, capsys: Captured, code: str, status: int, says: str
) -> None:
    assert main(["gil", script(code)]) == status
    err = capsys.readouterr().err
    assert says in err
    assert "verdict" in err


def test_json_is_all_there_is_on_stderr(script: Write, capsys: Captured) -> None:
    assert main(["gil", "--json", script("print('mine')"), "a"]) == 0
    out, err = capsys.readouterr()
    assert out == "mine\n"
    found = report_of(err)
    assert (found["target"], found["arguments"], found["exit_status"]) == ("program.py", ["a"], 0)


def test_json_on_stdout_comes_after_the_program(script: Write, capsys: Captured) -> None:
    assert main(["gil", "--json", "--out", "-", script("print('mine')")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("mine\n{")
    report_of(out.removeprefix("mine\n"))
    assert err == ""


def test_a_file_gets_json_and_stderr_the_text(script: Write, capsys: Captured, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    path = script("import os; os.chdir('elsewhere')")
    try:
        assert main(["gil", "--out", "report.json", path]) == 0
    finally:
        os.chdir(folder)
    assert report_of((folder / "report.json").read_text(encoding="utf-8"))["verdict"]["code"]
    assert "verdict" in capsys.readouterr().err
    assert main(["gil", "--json", "--out", "report.json", path]) == 0, "an older report may be replaced"
    os.chdir(folder)
    assert capsys.readouterr().err == ""


BAD = [
    pytest.param([], "missing argument: name a script", id="nothing"),
    pytest.param(["no_such.py"], "name a script, or a module after -m", id="no such script"),
    pytest.param(["-m", "no_such_module_here"], "is it installed for", id="no such module"),
    pytest.param(
        ["--rate", "fast", "program.py"],
        "not a number of samples per second: write it like --rate 1000",
        id="rate in letters",
    ),
    pytest.param(["--rate", "0", "program.py"], "above zero and at most 20000", id="rate zero"),
    pytest.param(["--rate", "-5", "program.py"], "above zero and at most 20000", id="rate negative"),
    pytest.param(["--rate", "nan", "program.py"], "above zero and at most 20000", id="rate nan"),
    pytest.param(["--rate", "1e9", "program.py"], "above zero and at most 20000", id="rate too high"),
    pytest.param(["program.py:f"], "use: gilscope profile program.py:f", id="a function"),
    pytest.param(["python", "program.py"], "leave out 'python'", id="the interpreter"),
    pytest.param(["python3.13t", "program.py"], "leave out 'python3.13t'", id="an interpreter"),
    pytest.param(["--out", "other.py", "program.py"], "choose another file with --out", id="out is foreign"),
    pytest.param(["--out", ".", "program.py"], "it is a folder", id="out is a folder"),
    pytest.param(["--out", "no/such/x.json", "program.py"], "its folder does not exist", id="out nowhere"),
    pytest.param(["--jsn", "program.py"], "did you mean --json?", id="unknown option"),
    pytest.param(["--flame", "other.py", "program.py"], "choose another file with --flame", id="flame is foreign"),
    pytest.param(["--flame", "f.json", "--no-lines", "program.py"], "leave out --no-lines", id="flame without lines"),
    pytest.param(["--duration", "5s", "program.py"], "--duration is for --pid", id="duration of a program"),
    pytest.param(["--pid", "1234", "program.py"], "leave out the script, or --pid", id="pid and a script"),
    pytest.param(["--pid", "1234", "-m"], "leave out the script, or --pid", id="pid and a module"),
    pytest.param(["--pid", "python"], "write it like --pid 1234", id="pid in letters"),
    pytest.param(["--pid", "0"], "write it like --pid 1234", id="pid zero"),
    pytest.param(["--pid", "-1"], "write it like --pid 1234", id="pid negative"),
    pytest.param(["--pid", "9" * 30], "write it like --pid 1234", id="pid too large"),
    pytest.param(["--pid", "1234", "--no-lines"], "leave out --no-lines", id="pid without lines"),
    pytest.param(["--pid", "1234", "--duration", "long"], "write it like 10s", id="duration in letters"),
    pytest.param(["--pid", "1234", "--duration", "0"], "must be above zero", id="duration zero"),
    pytest.param(["--pid", "1234", "--live"], "--live needs a terminal", id="live without a terminal"),
    pytest.param(["--live", "program.py"], "--live needs a terminal", id="live program without a terminal"),
    pytest.param(["--live", "--json", "program.py"], "leave one out", id="live and json"),
]


@pytest.mark.parametrize(("arguments", "cure"), BAD)
def test_bad_input_gets_one_line_and_nothing_runs(
    arguments: list[str], cure: str, script: Write, capsys: Captured
) -> None:
    script("print('ran')")
    other = script("precious = 1", "other.py")
    assert main(["gil", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert cure in err
    assert err.startswith("gilscope: ")
    assert len(err.splitlines()) == 1
    assert Path(other).read_text(encoding="utf-8") == "precious = 1"


def test_a_program_that_ends_before_the_first_sample_is_told_to_run_longer(
    script: Write, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GilMonitor, "report", GilReport(available=False, reason=NO_SAMPLE, enabled=True))
    assert main(["gil", script("")]) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert re.search(r"The program ended after \S+ \w+: too short to tell\. fix make it run for a second or more", err)


@pytest.mark.usefixtures("_no_probe")
def test_without_a_probe_the_program_runs_and_the_reason_is_said(script: Write, capsys: Captured) -> None:
    assert main(["gil", script("print('ran'); raise SystemExit(4)")]) == 4
    out, err = capsys.readouterr()
    assert out == "ran\n"
    assert "unavailable: The GIL was not measured: not on this machine." in err


@pytest.mark.parametrize("code", ["sys.stdout.close()", "sys.stdout = sys.stderr = None", "sys.stdout = object()"])
def test_a_program_may_do_to_its_streams_what_it_likes(script: Write, code: str) -> None:
    path = script(f"import sys\n{code}")
    done = subprocess.run([sys.executable, "-m", "gilscope", "gil", path], capture_output=True, text=True, timeout=60)
    assert "verdict" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process group differently there")
def test_ctrl_c_reports_what_there_is(script: Write) -> None:
    path = script("import time; print('ready', flush=True); time.sleep(60)")
    command = [sys.executable, "-m", "gilscope", "gil", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in err
    assert "exit status 130" in err


def test_stacks_are_written_for_speedscope(script: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GilMonitor, "report", dataclasses.replace(seen(0.9, 1.0), stacks=server()))
    assert main(["gil", "--flame", "f.json", "--out", "r.json", script("")]) == 0
    found = json.loads((folder / "f.json").read_text(encoding="utf-8"))
    assert [profile["weights"] for profile in found["profiles"]] == [[14.2, 2.0], [5.0, 1.0]]
    lines = (folder / "r.json").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) > 100, "lists of numbers are on one line"
    assert report_of("\n".join(lines))["gil"]["lines"][0]["blame"] == 1.42
    assert main(["gil", "--flame", "f.json", script("")]) == 0, "an older file may be replaced"


def test_lines_are_read_unless_told_not_to(script: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    begin = GilMonitor.__init__

    def seen_init(self: GilMonitor, *args: Any, lines: bool = False, **more: Any) -> None:
        asked.append(lines)
        begin(self, *args, lines=lines, **more)

    monkeypatch.setattr(GilMonitor, "__init__", seen_init)
    main(["gil", script("")])
    main(["gil", "--no-lines", script("")])
    assert asked == [True, False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_reports_nothing(script: Write) -> None:
    path = script("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nelse: print('child')\n")
    command = [sys.executable, "-W", "ignore", "-m", "gilscope", "gil", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "child\n"
    assert done.stderr.count("verdict") == 1
