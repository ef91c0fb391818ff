"""The client of the supervisor: how it begins and ends, and what becomes of its answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from gilscope.core.errors import MeasurementError, NoRoomError, RoundTimeoutError, WorkerDiedError
from gilscope.measure import client as module
from gilscope.measure.client import Launch, SupervisorClient, most_processes
from tests.leftovers import eventually


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Remember the processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def remember(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(start(*words, **options))
        return found[-1]

    monkeypatch.setattr(module.subprocess, "Popen", remember)
    return found


def test_without_a_temporary_folder_it_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    monkeypatch.setattr(module, "_short_temporary_folder", lambda: str(tmp_path / "gone"))
    with pytest.raises(MeasurementError, match=r"no temporary folder .*gone: No such file.*set TMPDIR"):
        SupervisorClient(1000)
    [process] = started
    assert process.poll() == 0


def test_an_interrupt_at_the_start_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    folder = tempfile.mkdtemp(prefix="gs-", dir="/tmp")
    monkeypatch.setattr(module, "_short_temporary_folder", lambda: folder)

    def interrupt(client: SupervisorClient) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SupervisorClient, "_receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        SupervisorClient(1000)
    [process] = started
    assert process.poll() is not None
    assert not list(Path(folder).iterdir())
    shutil.rmtree(folder)


def test_more_workers_and_interpreters_are_no_fork_bomb() -> None:
    assert most_processes(2) == 1032
    assert most_processes(1024, 3) == 50152


def test_the_client_ends_with_all_it_started_however_often_it_is_closed(started: list[subprocess.Popen[bytes]]) -> None:
    client = SupervisorClient(1000)
    assert Path(client.scratch).is_dir()
    client.close()
    client.close()
    assert started[0].poll() == 0
    assert not Path(client.scratch).exists()


@pytest.mark.parametrize(
    ("status", "kind"),
    [("timeout", RoundTimeoutError), ("died", WorkerDiedError), ("no_room", NoRoomError)],
)
def test_what_goes_wrong_is_an_error_of_its_kind_with_the_last_output(
    monkeypatch: pytest.MonkeyPatch, status: str, kind: type[MeasurementError]
) -> None:
    client = SupervisorClient(1000)
    try:
        answer = {"status": status, "reason": "was killed by SIGKILL", "output": "its last words"}
        monkeypatch.setattr(client, "_exchange", lambda message: answer)
        with pytest.raises(kind, match="a case: its runner was killed by SIGKILL") as caught:
            client.call("threads", {}, Launch(config={}), 1.0, label="a case: its runner")
        assert type(caught.value) is kind
        assert caught.value.detail == "its last words"
    finally:
        client.close()


def test_a_supervisor_that_is_gone_is_one_line(started: list[subprocess.Popen[bytes]]) -> None:
    client = SupervisorClient(1000)
    started[0].kill()
    with pytest.raises(MeasurementError, match=r"the supervisor process ended unexpectedly .*run again to continue"):
        client.call("threads", {}, Launch(config={}), 1.0)
    client.close()


SPINNING = """
import threading

from gilscope.runner.serving import serve

spin = threading.Event()


def compute():  # on and on, once it has been asked something
    spin.wait()
    while True:
        pass


def handle(message, fds):
    spin.set()
    return {"alive": threading.active_count()}


def main():
    threading.Thread(target=compute, daemon=True).start()
    serve(handle)
"""


@pytest.mark.parametrize("rests", [True, False])
def test_a_runner_whose_threads_spin_on_is_stopped_until_it_is_called_again(tmp_path: Path, rests: bool) -> None:
    (tmp_path / "spinning.py").write_text(SPINNING, encoding="utf-8")
    launch = Launch(config={"module": "spinning"}, environment={"PYTHONPATH": str(tmp_path)}, rests=rests)
    client = SupervisorClient(1000)
    try:
        for _ in range(3):
            assert client.call("native*2", {}, launch, 60.0)["alive"] == 2
            [runner] = psutil.Process(client.pid).children()
            within_s = 60.0 if rests else 0.2
            stopped = eventually(lambda at=runner: at.status() == psutil.STATUS_STOPPED, within_s)  # type: ignore[misc]
            assert stopped is rests
    finally:
        client.close()
    assert not runner.is_running()
