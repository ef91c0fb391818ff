"""A program under the monitor behaves as under Python itself."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gilscope.core.errors import UsageError
from gilscope.telemetry import program
from gilscope.telemetry.gil import GilMonitor, probe_availability
from gilscope.telemetry.program import run_program
from gilscope.telemetry.reading import GilReport
from gilscope.telemetry.stacks import HOLDS, Frame
from tests.made_stacks import HASHING, MAIN, RUN, stacks


@pytest.fixture
def script(tmp_path: Path) -> Any:
    def write(text: str, name: str = "script.py") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


def facts(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


SHOW = """
import json, sys
import __main__
print(json.dumps([__name__, sys.argv, sys.path[0], __file__, __main__.__file__, __main__.__dict__ is globals()]))
"""


def test_a_script_sees_its_own_main_arguments_and_folder(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = script(SHOW)
    run = run_program(path, ["-x", "1"])
    assert facts(capsys) == ["__main__", [path, "-x", "1"], os.path.dirname(path), path, path, True]
    assert (run.exit_status, run.message, run.target, run.arguments) == (0, "", path, ("-x", "1"))


def test_a_module_runs_as_with_dash_m(
    script: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pkg_under_gil").mkdir()
    script("", "pkg_under_gil/__init__.py")
    path = script(SHOW, "pkg_under_gil/__main__.py")
    monkeypatch.chdir(tmp_path)
    run = run_program("pkg_under_gil", ["a"], module=True)
    assert facts(capsys) == ["__main__", [path, "a"], str(tmp_path), path, path, True]
    assert run.target == "-m pkg_under_gil"


def test_a_folder_with_a_main_runs(script: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = script("print('ran', __name__)", "__main__.py")
    assert run_program(os.path.dirname(path)).exit_status == 0
    assert capsys.readouterr().out == "ran __main__\n"


def test_everything_is_put_back(script: Any) -> None:
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    run_program(script("import sys; sys.argv.append('x'); sys.path.insert(0, 'y')"), ["z"])
    assert (sys.argv, sys.path, sys.modules["__main__"]) == before


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('no')", 1, "no\n"),
    ],
)
def test_the_exit_status_is_kept(script: Any, code: str, status: int, message: str) -> None:
    run = run_program(script(f"import sys\n{code}"))
    assert (run.exit_status, run.message) == (status, message)


def test_an_exception_is_shown_with_the_programs_frames_only(script: Any) -> None:
    path = script("def f():\n    raise ValueError('mine')\nf()\n")
    run = run_program(path)
    assert run.exit_status == 1
    assert run.message.startswith(f'Traceback (most recent call last):\n  File "{path}", line 3')
    assert run.message.endswith("ValueError: mine\n")
    assert "program.py" not in run.message


def test_a_syntax_error_is_the_programs_own(script: Any) -> None:
    run = run_program(script("x ="))
    assert run.exit_status == 1
    assert "SyntaxError" in run.message


def test_a_program_that_shows_errors_its_own_way_may(script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys\nsys.excepthook = lambda kind, error, trace: print('hooked', error)\nraise ValueError('mine')"
    before = sys.excepthook
    try:
        run = run_program(script(code))
    finally:
        sys.excepthook = before
    assert (run.exit_status, run.message) == (1, "")
    assert capsys.readouterr().out == "hooked mine\n"


def test_an_interrupt_ends_it_like_a_shell_would_say(script: Any) -> None:
    assert run_program(script("raise KeyboardInterrupt")).exit_status == 130


def test_threads_that_outlive_the_main_program_are_measured_too(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
    import threading, time
    threading.Thread(target=lambda: (time.sleep(0.2), print("last"))).start()
    """
    run = run_program(script(code))
    assert capsys.readouterr().out == "last\n"
    assert run.wall_s >= 0.2


def test_an_idle_pool_does_not_hang_the_end(script: Any) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()
    """
    run = run_program(script(code))
    assert (run.exit_status, run.note) == (0, "")


def test_where_python_does_not_list_pool_workers_the_program_runs_and_a_note_says_what_was_left_out(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import thread

    monkeypatch.setattr(thread, "_threads_queues", thread._threads_queues)  # put back at the end
    code = """
    from concurrent.futures import ThreadPoolExecutor, thread
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()
    del thread._threads_queues
    print("ran")
    """
    run = run_program(script(code))
    assert run.exit_status == 0
    assert "were not waited for" in run.note


@pytest.mark.measuring
@pytest.mark.usefixtures("probe")
def test_what_the_probe_saw_comes_along_as_json(script: Any) -> None:
    code = """
    import threading, time
    def burn():
        end = time.perf_counter() + 0.2
        while time.perf_counter() < end:
            pass
    threads = [threading.Thread(target=burn, name=f"burner {i}") for i in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """
    gil = json.loads(json.dumps(run_program(script(code), rate_hz=2000.0).gil.to_dict()))
    assert gil["available"]
    assert gil["held"]["value"] > 0.5
    assert gil["handovers"] > 1
    assert len(gil["timeline"]["held"]) > 1
    if not gil["threads_reason"]:
        assert {thread["name"] for thread in gil["threads"]} >= {"burner 0", "burner 1"}


def test_where_there_is_no_probe_the_program_still_runs(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = dict.fromkeys(("held", "waiting", "threads", "overdue", "lines"), "not on this machine")
    monkeypatch.setattr("gilscope.telemetry.gil._checked", reasons)
    monkeypatch.setattr("gilscope.telemetry.gil.gil_enabled", lambda: True)
    assert probe_availability().reason == "not on this machine"
    run = run_program(script("raise SystemExit(4)"))
    assert (run.exit_status, run.gil.available, run.gil.reason) == (4, False, "not on this machine")


@pytest.mark.parametrize(("target", "module"), [("no/such/script.py", False), ("no_such_module_here", True)])
def test_a_target_that_is_not_there_is_bad_usage(target: str, module: bool) -> None:
    with pytest.raises(UsageError, match=target):
        run_program(target, module=module)


def test_a_package_without_main_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="has no code to run"):
        run_program("xml", module=True)


FORK = """
import os, sys
from gilscope.telemetry.program import run_program
run = run_program(sys.argv[1])
print(f"child {run.forked_child} {run.exit_status}", flush=True)
os._exit(run.exit_status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_that_runs_off_the_end_is_told_apart(script: Any) -> None:
    path = script("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n")
    command = [sys.executable, "-W", "ignore", "-c", FORK, path]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["child True 0", "child False 0"], done.stderr


def test_the_programs_stacks_begin_with_its_own_first_frame(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Frame(file=program.__file__, function="_run", line=1)
    above = Frame(file="/usr/bin/gilscope", function="<module>", line=1)
    runner = Frame(file=runpy.__file__, function="run_path", line=1)
    read = stacks((HOLDS, (MAIN, runner, ours, above), 1.0, 0.0), (HOLDS, (HASHING, RUN), 1.0, 0.0))
    report = GilReport(available=False, stacks=read)
    monkeypatch.setattr(GilMonitor, "report", report)
    found = run_program(script(""), lines=True).gil.stacks
    assert found is not None
    assert found.frames == (MAIN, HASHING, RUN)
    assert [stack.frames for stack in found.stacks] == [(0,), (1, 2)]
