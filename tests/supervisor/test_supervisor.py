"""Real supervisor, real runners, planted faults: failures become data and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import psutil
import pytest

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import RoundTimeoutError, WorkerDiedError, WorkerRaisedError
from gilscope.env.interpreters import Interpreter
from gilscope.measure.host import Lead, SupervisedHost
from tests.leftovers import abandoned, eventually, shared_memory

pytestmark = pytest.mark.usefixtures("planted_path")


def _case(kernel: str, executor: str, workers: int = 2, start_method: str = "", transport: str = "") -> Slot:
    if executor == "processes":
        start_method, transport = start_method or "forkserver", transport or "shm"
    case = Case(
        kernel=kernel,
        implementation="py_loop",
        executor=executor,
        workers=1 if executor == "serial" else workers,
        size="S",
        start_method=start_method,
        transport=transport,
    )
    return Slot(case=case)


EXECUTORS = ("serial", "threads", "processes")


def test_an_interpreter_that_is_gone_is_a_failed_case_and_the_others_go_on() -> None:
    gone = Interpreter(label="3.98", executable="/nowhere/python", about={})
    here = Interpreter(label="3.99", executable=sys.executable, about={})
    serial = _case("spin", "serial").case
    slots = [Slot(case=replace(serial, size="XS", implementation="std_c", interpreter=e.label)) for e in (gone, here)]
    with SupervisedHost({}, cpus=2, interpreters=(gone, here)) as host:
        records = [host.prepare(slot) for slot in slots]
    assert [record.status for record in records] == ["failed", "ok"]
    assert "cannot be started: /nowhere/python: No such file" in records[0].reason
    assert records[1].python == platform.python_version()
    assert records[1].family == "threads!3.99"


@pytest.fixture
def own_host() -> SupervisedHost:
    return SupervisedHost({"threads": 2, "processes": 2}, cpus=2)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_wrong_result_is_found_before_anything_is_timed(own_host: SupervisedHost, executor: str) -> None:
    with own_host:
        record = own_host.prepare(_case("planted_wrong", executor))
    assert (record.status, record.reason) == ("wrong_result", "planted check: items are missing")


def test_isolated_workers_do_the_same_chunks_on_memory_of_their_own(own_host: SupervisedHost) -> None:
    slot = _case("planted_phases", "threads")
    isolated = Slot(case=slot.case, role="isolated")
    with own_host:
        assert own_host.prepare(slot).status == "ok"
        assert own_host.prepare(isolated).status == "ok"
        measured = own_host.run_round(isolated, 50, Lead(repeats=1), 60)
        assert own_host.run_round(slot, 1, Lead(repeats=0), 60).wall_ns > 0
    assert len(measured.stamps) == 2
    assert [(s.waiting_ns, s.waking_ns) for s in measured.stamps] == [(0, 0), (0, 0)]


def test_a_diagnostic_round_tells_what_the_gil_did(own_host: SupervisedHost) -> None:
    slot = _case("planted_right", "threads")
    with own_host:
        assert own_host.prepare(slot).status == "ok"
        measured, gil = own_host.diagnose(slot, 40, Lead(repeats=1), 60)
    assert measured.repeats == 40
    if gil["available"]:
        assert 0.7 < gil["held"]["value"] <= 1.0  # two threads of pure Python; beside other programs both may wait
    else:
        assert gil["reason"]


@pytest.mark.parametrize("transport", ["shm", "pickle"])
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_phases_wait_for_each_other(own_host: SupervisedHost, executor: str, transport: str) -> None:
    transport = transport if executor == "processes" else ""
    with own_host:
        for workers in (1, 2):
            record = own_host.prepare(_case("planted_phases", executor, workers, transport=transport))
            assert (record.status, record.reason) == ("ok", "")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_that_raises_fails_its_case_and_keeps_its_traceback(own_host: SupervisedHost, executor: str) -> None:
    with own_host:
        record = own_host.prepare(_case("planted_raises", executor))
        assert record.status == "failed"
        assert "ArithmeticError: planted in the second half" in record.reason
        assert "in raises" in record.detail
        assert own_host.prepare(_case("planted_right", executor)).status == "ok"


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("planted_segfault", "SIGSEGV"),
        ("planted_exit", "exit status 7"),
        ("planted_killed", "SIGKILL"),
    ],
)
def test_a_worker_that_dies_fails_its_case_and_the_rest_goes_on(
    own_host: SupervisedHost, executor: str, kernel: str, words: str
) -> None:
    with own_host:
        assert own_host.prepare(_case("planted_right", executor)).status == "ok"
        record = own_host.prepare(_case(kernel, executor))
        assert record.status == "failed"
        assert words in record.reason
        # The runner was replaced; a case prepared before is prepared again when its next round comes.
        measured = own_host.run_round(_case("planted_right", executor), 2, Lead(repeats=1), 60)
        assert measured.wall_ns > 0


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_hang_is_ended_by_its_time_out(executor: str) -> None:
    with SupervisedHost({"threads": 2, "processes": 2}, cpus=2, prepare_timeout_s=2.0) as host:
        record = host.prepare(_case("planted_hangs", executor))
        assert record.status == "timeout"
        assert "did not answer within 2 s" in record.reason


def test_a_failure_after_verification_is_raised_with_its_traceback(own_host: SupervisedHost) -> None:
    case = _case("planted_late", "threads")
    with own_host:
        assert own_host.prepare(case).status == "ok"
        with pytest.raises(WorkerRaisedError, match="planted in a later round") as caught:
            own_host.run_round(case, 1000, Lead(repeats=0), 60)
        assert "in late" in caught.value.detail


def test_a_round_that_takes_too_long_is_a_timeout(own_host: SupervisedHost) -> None:
    case = _case("planted_right", "serial")
    with own_host:
        assert own_host.prepare(case).status == "ok"
        with pytest.raises(RoundTimeoutError, match="did not answer"):
            own_host.run_round(case, 10_000_000, Lead(repeats=0), 0.5)
        assert own_host.run_round(case, 1, Lead(repeats=0), 60).repeats == 1


def test_a_runner_killed_between_rounds_is_noticed(own_host: SupervisedHost) -> None:
    case = _case("planted_right", "serial")
    with own_host:
        assert own_host.prepare(case).status == "ok"
        [runner] = psutil.Process(own_host.supervisor.pid).children()
        runner.kill()
        with pytest.raises(WorkerDiedError, match="SIGKILL"):
            own_host.run_round(case, 1, Lead(repeats=0), 60)
        assert own_host.run_round(case, 1, Lead(repeats=0), 60).repeats == 1


def test_inputs_are_made_again_after_a_runner_died(own_host: SupervisedHost) -> None:
    def triad(executor: str) -> Slot:
        return replace(_case("triad", executor), case=replace(_case("triad", executor).case, size="XS"))

    with own_host:
        for executor in EXECUTORS:
            assert own_host.prepare(triad(executor)).status == "ok"
        for runner in psutil.Process(own_host.supervisor.pid).children():
            if any("threads" in word or "max_workers" in word for word in runner.cmdline()):
                runner.kill()
                break
        with contextlib.suppress(WorkerDiedError):
            own_host.run_round(triad("threads"), 1, Lead(repeats=0), 60)
        with contextlib.suppress(WorkerDiedError):
            own_host.run_round(triad("processes"), 1, Lead(repeats=0), 60)
        for executor in EXECUTORS:
            record = own_host.prepare(triad(executor))
            assert (record.status, record.reason) == ("ok", "")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_workers_print_disturbs_nobody(
    own_host: SupervisedHost, executor: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with own_host:
        assert own_host.prepare(_case("planted_prints", executor)).status == "ok"
    assert capfd.readouterr() == ("", "")


def test_a_function_that_does_not_exist_is_a_failure_with_its_name(own_host: SupervisedHost) -> None:
    with own_host:
        record = own_host.prepare(_case("planted_import", "threads"))
    assert record.status == "failed"
    assert "no_such_function" in record.reason


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_closing_leaves_no_process(own_host: SupervisedHost, start_method: str) -> None:
    with own_host:
        assert own_host.prepare(_case("planted_right", "processes", start_method=start_method)).status == "ok"
        assert own_host.prepare(_case("planted_right", "threads")).status == "ok"
        family = [
            psutil.Process(own_host.supervisor.pid),
            *psutil.Process(own_host.supervisor.pid).children(recursive=True),
        ]
        assert len(family) >= 4
    assert eventually(lambda: not any(process.is_running() for process in family))


def test_a_long_temporary_folder_does_not_stop_the_forkserver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 60)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    with SupervisedHost({"processes": 2}, cpus=2) as host:
        assert host.prepare(_case("planted_right", "processes")).status == "ok"


_MAIN = """
from gilscope.measure.host import SupervisedHost, Lead
from gilscope.core.cases import Case, Slot
import sys
host = SupervisedHost({"threads": 2, "processes": 2}, cpus=2)
for executor, method in (("threads", ""), ("processes", "forkserver"), ("processes", "spawn"), ("processes", "fork")):
    case = Slot(case=Case(kernel=sys.argv[1], implementation="py_loop", executor=executor, workers=2, size="S",
                start_method=method, transport="shm" if method else ""))
    if sys.argv[1] == "planted_right":
        assert host.prepare(case).status == "ok"
print("ready", flush=True)
case = Slot(case=Case(kernel=sys.argv[1], implementation="py_loop", executor=sys.argv[2], workers=2, size="S",
            start_method="forkserver" if sys.argv[2] == "processes" else "",
            transport="shm" if sys.argv[2] == "processes" else ""))
host.prepare(case) if sys.argv[1] == "planted_hangs" else host.run_round(case, 10_000_000, Lead(repeats=0), 600)
"""


@pytest.mark.parametrize(
    ("number", "kernel", "executor"),
    [
        *product([signal.SIGKILL], ["planted_right", "planted_hangs"], ["threads", "processes"]),
        *product([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ["planted_right"], ["processes"]),
        *product([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ["planted_hangs"], ["threads"]),
    ],
)
def test_nothing_is_left_when_the_parent_ends(executor: str, kernel: str, number: signal.Signals) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="gs-", dir="/tmp"))
    environment = {**os.environ, "TMPDIR": str(scratch)}
    memory_before = shared_memory()
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_MAIN), kernel, executor],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        assert eventually(lambda: len(psutil.Process(parent.pid).children(recursive=True)) >= 2, 60.0)
        time.sleep(0.5)  # well inside the round
        family = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(number)
        parent.wait(timeout=30)
    assert eventually(lambda: not any(process.is_running() for process in family))
    assert eventually(lambda: not list(scratch.iterdir())), list(scratch.iterdir())
    scratch.rmdir()
    assert eventually(lambda: not abandoned(memory_before))
