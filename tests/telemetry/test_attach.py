"""Measuring another process: what is refused and how, and that nothing happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gilscope
from gilscope.core.errors import GilscopeError, MeasurementError, UnavailableError, UsageError
from gilscope.telemetry import process
from gilscope.telemetry.attach import AttachedMonitor, python_children
from tests.telemetry.programs import running

pytestmark = [pytest.mark.measuring, pytest.mark.usefixtures("probe")]
if sys.platform != "linux":
    pytest.skip("measuring another process needs Linux", allow_module_level=True)

SPINS = "import sys\nprint('ready', flush=True)\nwhile True: sum(range(1000))"
SLEEPS = "import sys\nprint('ready', flush=True)\nsys.stdin.read()"
# Threads that start and end, modules that are imported anew, forks, collections, code that is compiled and forgotten.
CHURNS = """
import gc, importlib, os, sys, threading
def threads():
    crew = [threading.Thread(target=sum, args=(range(2000),)) for _ in range(5)]
    for thread in crew: thread.start()
    for thread in crew: thread.join()
def imports():
    for name in ("json.decoder", "colorsys", "textwrap"):
        sys.modules.pop(name, None)
        importlib.import_module(name)
    gc.collect()
def forks():
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
def codes(n=[0]):
    n[0] += 1
    space = {}
    lines = "def f(x):" + "\\n  x += 1" * (n[0] % 30) + "\\n  return [y for y in range(x)]"
    exec(compile(lines, "<code>", "exec"), space)
    space["f"](30)
going = True
def repeat(body):
    while going: body()
crew = [threading.Thread(target=repeat, args=(body,)) for body in (threads, imports, forks, codes)]
for thread in crew: thread.start()
print("ready", flush=True)
sys.stdin.read()
going = False
for thread in crew: thread.join()
print("survived")
"""


def test_a_process_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no process 4194305: ps lists"):
        AttachedMonitor(4194305)


def test_what_is_not_python_is_named() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            while process.command_of(child.pid) != "sleep":
                time.sleep(0.01)
            with pytest.raises(UsageError, match=rf"process {child.pid} \(sleep\) is not CPython"):
                AttachedMonitor(child.pid)
        finally:
            child.kill()


def test_this_process_and_a_thread_are_refused() -> None:
    with pytest.raises(UsageError, match="is this one: use GilMonitor"):
        AttachedMonitor(os.getpid())
    program = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n" + SLEEPS
    with running(program) as child:
        thread = next(int(task) for task in os.listdir(f"/proc/{child.pid}/task") if int(task) != child.pid)
        with pytest.raises(UsageError, match=f"{thread} is a thread of process {child.pid}: use --pid {child.pid}"):
            AttachedMonitor(thread)


def test_another_version_is_named_with_the_interpreter_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    own = sys.hexversion
    monkeypatch.setattr(sys, "hexversion", own + (1 << 16))
    with running(SLEEPS) as child, pytest.raises(UsageError) as caught:
        AttachedMonitor(child.pid)
    assert f"runs Python {own >> 24}.{own >> 16 & 255}." in str(caught.value)
    assert f"{os.path.realpath(sys.executable)} -m gilscope gil --pid {child.pid}" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its privileges")
def test_a_process_of_another_user_is_refused_with_the_command_that_works(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from gilscope.core.errors import UnavailableError\n"
        "from gilscope.telemetry import _gilprobe, frames\n"
        "from gilscope.telemetry.attach import AttachedMonitor\n"
        "os.setuid(65534)\n"
        "try:\n    AttachedMonitor(int(sys.argv[1]))\n"
        "except UnavailableError as error:\n    print(error)\n"
    )
    with running(SLEEPS) as child:
        command = [sys.executable, "-c", program, str(child.pid)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"process {child.pid} belongs to another user (uid 0); use sudo" in said
    assert f"gil --pid {child.pid}" in said


@pytest.mark.parametrize(
    ("scope", "user", "fix"),
    [
        ("1", 1000, "gilscope.allow_attach()"),
        ("2", 1000, "use sudo"),
        ("3", 0, "run the program under gilscope gil"),
        ("", 0, "--cap-add SYS_PTRACE"),
    ],
)
def test_each_kind_of_refusal_says_what_helps(
    scope: str, user: int, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scope").write_text(scope)
    monkeypatch.setattr(process, "_YAMA", tmp_path / "scope")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(process, "status_of", lambda pid: {"Tgid": str(pid), "Uid": f"{user} {user} {user} {user}"})
    with running(SLEEPS) as child:
        monkeypatch.setattr("gilscope.telemetry._gilprobe.refused", lambda *_: 1)
        with pytest.raises(UnavailableError) as caught:
            process.interpreter_of(child.pid)
    assert fix in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_program_may_allow_it() -> None:
    assert gilscope.allow_attach() is None  # type: ignore[func-returns-value]


def test_a_process_that_sleeps_holds_nothing_and_is_seen_to_wait_for_no_one() -> None:
    with running(SLEEPS) as child, AttachedMonitor(child.pid, 500.0) as gil:
        time.sleep(0.5)
    assert gil.held.value < 0.01
    assert gil.waiting is None or gil.waiting.value < 0.01
    assert not gil.ended


def test_the_main_thread_has_its_name() -> None:
    with running(SPINS) as child, AttachedMonitor(child.pid, 500.0) as gil:
        time.sleep(0.3)
    assert [thread.name for thread in gil.threads] == ["MainThread"]
    assert gil.threads[0].native_id == child.pid


def test_a_process_that_ends_meanwhile_is_reported_as_far_as_it_went() -> None:
    with running(SPINS) as child, AttachedMonitor(child.pid, 1000.0) as gil:
        time.sleep(0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        time.sleep(0.3)
    assert gil.ended
    assert gil.held.value > 0.9
    assert gil.reading.window_s < 0.5
    assert gil.report.stacks is not None


def test_stacks_outlive_the_process() -> None:
    with running(SPINS) as child:
        gil = AttachedMonitor(child.pid, 1000.0)
        with gil:
            time.sleep(0.2)
            child.kill()
            child.wait()
    assert gil.stacks is not None
    assert {frame.file for frame in gil.stacks.frames} == {"<string>"}


def test_it_survives_a_process_that_is_being_killed() -> None:
    for attempt in range(50):
        with running(SPINS) as child:
            try:
                gil = AttachedMonitor(child.pid, 5000.0)
                with gil:
                    time.sleep(0.001 * (attempt % 10))
                    child.kill()
                    time.sleep(0.005)
                _ = gil.report
            except MeasurementError:
                pass  # no time for a single sample


@pytest.mark.parametrize("times", [200])
def test_a_program_that_changes_all_the_time_never_notices(times: int) -> None:
    wanted = dropped = 0
    with running(CHURNS) as child:
        for _ in range(times):
            with AttachedMonitor(child.pid, 5000.0) as gil:
                time.sleep(0.01)
            try:
                stacks = gil.stacks
            except MeasurementError:  # no CPU in all that time
                continue
            assert stacks is not None
            wanted, dropped = wanted + stacks.samples, dropped + stacks.dropped
        assert child.communicate("")[0] == "survived\n"
        assert child.returncode == 0
    assert dropped <= 0.01 * wanted, (dropped, wanted)


def test_children_that_run_python_are_found() -> None:
    program = (
        "import subprocess, sys\n"
        "code = 'import sys; print(1, flush=True); sys.stdin.read()'\n"
        "child = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "other = subprocess.Popen(['sleep', '60'])\n"
        "child.stdout.read(1)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
        "child.kill(), other.kill()\n"
    )
    with running(program) as parent:
        found = python_children(parent.pid)
        assert len(found) == 1
        assert process.runs_python(found[0])
        with AttachedMonitor(found[0], 500.0) as gil:
            time.sleep(0.1)
        assert gil.held.value < 0.1
        parent.communicate("")
    assert python_children(parent.pid) == ()


@pytest.mark.parametrize("pid", [0, -1, 2])
def test_what_is_no_program_is_refused_in_one_line(pid: int) -> None:
    with pytest.raises(GilscopeError, match=r"\A[^\n]+\Z"):
        AttachedMonitor(pid)
