"""How the host begins, and what it forgets."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from gilscope.cases import Case, Slot
from gilscope.env.interpreters import Interpreter
from gilscope.errors import MeasurementError, WorkerDiedError
from gilscope.measure import host as module
from gilscope.measure.host import SupervisedHost


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
        SupervisedHost({}, cpus=1)
    [process] = started
    assert process.poll() == 0


def test_an_interrupt_at_the_start_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    folder = tempfile.mkdtemp(prefix="gs-", dir="/tmp")
    monkeypatch.setattr(module, "_short_temporary_folder", lambda: folder)

    def interrupt(host: SupervisedHost) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SupervisedHost, "_receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        SupervisedHost({}, cpus=1)
    [process] = started
    assert process.poll() is not None
    assert not list(Path(folder).iterdir())
    shutil.rmtree(folder)


@pytest.mark.parametrize(("cpus", "workers", "interpreters", "most"), [(2, 1, 0, 1032), (2, 1024, 3, 50152)])
def test_what_is_asked_for_is_no_fork_bomb(
    monkeypatch: pytest.MonkeyPatch,
    started: list[subprocess.Popen[bytes]],
    cpus: int,
    workers: int,
    interpreters: int,
    most: int,
) -> None:
    told = [Interpreter(label=f"3.{n}", executable="/nowhere", facts={}) for n in range(interpreters)]
    with SupervisedHost({"threads": workers}, cpus=cpus, interpreters=told):
        words: Any = started[0].args
        assert words[-1] == str(most)


def test_a_runner_that_got_no_memory_keeps_what_it_has_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot(case=Case(kernel="spin", implementation="py_loop", executor="serial", workers=1, size="XS"))
    answer = {"status": "no_room", "reason": "cannot be given 1 bytes of shared memory", "output": ""}
    with SupervisedHost({}, cpus=1) as host:
        host._bound["threads"], host._informed = {"earlier"}, {"threads"}
        monkeypatch.setattr(host, "_exchange", lambda message: answer)
        with pytest.raises(WorkerDiedError, match="cannot be given 1 bytes"):
            host._call(slot, {}, 1.0)
        assert (host._bound, host._informed) == ({"threads": {"earlier"}}, {"threads"})
