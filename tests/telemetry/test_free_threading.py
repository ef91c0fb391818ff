"""Who switched the GIL on, on builds that can do without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import gilscope.telemetry.free_threading as free_threading
from gilscope.env.interpreter import gil_enabled
from gilscope.telemetry.attach import AttachedMonitor
from gilscope.telemetry.free_threading import gil_state
from gilscope.telemetry.stacks import by_line
from tests.pythons import need_compiler, need_free_threaded
from tests.telemetry.programs import running


@pytest.fixture
def re_enabled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Play a free-threaded build whose GIL is on."""
    monkeypatch.setattr(free_threading, "free_threaded_build", lambda: True)
    monkeypatch.setattr(free_threading, "gil_enabled", lambda: True)
    monkeypatch.setattr(sys, "flags", SimpleNamespace(gil=None))
    return monkeypatch


def test_an_ordinary_build_has_its_gil_and_no_reason_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_threading, "free_threaded_build", lambda: False)
    monkeypatch.setattr(free_threading, "gil_enabled", lambda: True)
    state = gil_state()
    assert (state.enabled, state.free_threaded_build, state.reason, state.modules) == (True, False, "", ())


def test_the_first_module_without_the_declaration_is_named(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: ("culprit", "follower"))
    assert gil_state().reason.startswith("switched on by importing culprit,")
    assert gil_state().modules == ("culprit", "follower")


def test_where_modules_cannot_be_asked_the_reason_says_so(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: None)
    assert "is not known" in gil_state().reason


def test_a_culprit_that_is_gone_is_not_blamed_on_another(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: ())
    assert "no longer loaded" in gil_state().reason


def test_the_users_own_choice_is_told_apart(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(sys, "flags", SimpleNamespace(gil=1))
    assert gil_state().reason == "switched on by PYTHON_GIL=1 or -X gil=1"


def test_this_interpreter_agrees_with_itself() -> None:
    state = gil_state()
    assert state.enabled or state.free_threaded_build
    assert state.enabled == getattr(sys, "_is_gil_enabled", lambda: True)()


# On a real free-threaded interpreter ----------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
ASK = (
    "import json, sysconfig; print(json.dumps([sysconfig.get_path('include'), sysconfig.get_config_var('EXT_SUFFIX')]))"
)
WATCH = """
import json, sys, time
sys.path[:0] = [{source!r}, {built!r}]
import gilscope.telemetry
gilscope.telemetry.__path__.append({built!r})
from gilscope.telemetry.gil import GilMonitor
with GilMonitor() as before:
    pass
import culprit
with GilMonitor(2000.0) as after:
    until = time.perf_counter() + 0.2
    while time.perf_counter() < until:
        pass
told = after.to_dict()
print(json.dumps([before.to_dict(), told["available"], told["reason"], after.state.reason, after.held.value]))
"""
CULPRIT = """
#include <Python.h>
static struct PyModuleDef culprit = {PyModuleDef_HEAD_INIT, "culprit", NULL, -1};
PyMODINIT_FUNC PyInit_culprit(void) { return PyModule_Create(&culprit); }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return a free-threaded interpreter, and a folder with the probe for it and a module that wants the GIL."""
    python, compiler = need_free_threaded(), need_compiler()
    folder = tmp_path_factory.mktemp("free")
    include, suffix = json.loads(subprocess.run([python, "-c", ASK], capture_output=True, check=True).stdout)
    (folder / "culprit.c").write_text(CULPRIT)
    probe = ROOT / "ext/gilscope/telemetry/_gilprobe.pyx"
    cython = [sys.executable, "-m", "cython", "-3", "-I", ROOT / "ext/gilscope/include", "-I", ROOT / "ext"]
    subprocess.run(
        [*cython, "--module-name", "gilscope.telemetry._gilprobe", "-o", folder / "_gilprobe.c", probe], check=True
    )
    flags = ["-O0", "-w", "-shared", "-fPIC", f"-I{include}", f"-I{probe.parent}", f"-I{ROOT / 'ext/gilscope/include'}"]
    for name in ("culprit", "_gilprobe"):
        subprocess.run([compiler, *flags, folder / f"{name}.c", "-o", folder / f"{name}{suffix}"], check=True)
    return python, folder


@pytest.mark.measuring
@pytest.mark.slow
def test_no_gil_is_told_apart_from_one_that_a_module_switched_on_and_the_module_is_named(
    built: tuple[str, Path],
) -> None:
    python, folder = built
    code = WATCH.format(source=str(ROOT / "src"), built=str(folder))
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHON_GIL", "PYTHONPATH")}
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code], capture_output=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    before, available, reason, switched_on, held = json.loads(done.stdout)
    assert (before["available"], before["reason"]) == (False, "no GIL: this interpreter runs threads in parallel")
    assert (available, reason) == (True, "")
    assert switched_on.startswith("switched on by importing culprit,")
    assert held > 0.5


LOCKED = """
import sys, threading
lock = threading.Lock()
def wait():
    with lock:
        pass
lock.acquire()
crew = [threading.Thread(target=wait) for _ in range(3)]
for thread in crew: thread.start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.measuring
@pytest.mark.skipif(gil_enabled(), reason="this interpreter has a GIL")
def test_of_another_process_without_a_gil_it_is_known_where_threads_wait() -> None:
    with running(LOCKED) as child, AttachedMonitor(child.pid, 500.0) as gil:
        time.sleep(0.5)
    assert (gil.available, gil.enabled) == (False, False)
    assert gil.reason == "no GIL: this interpreter runs threads in parallel"
    assert gil.stacks is not None, gil.stacks_reason
    if gil.stacks.waits_reason:
        pytest.skip(gil.stacks.waits_reason)
    worst = max(by_line(gil.stacks), key=lambda line: line.waits)
    assert (worst.frame.function, worst.frame.line) == ("wait", 5)
    assert worst.waits == pytest.approx(3.0, abs=0.3)
