"""The loky executor end to end: correct answers, failures as data, nothing left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import WorkerDiedError
from gilscope.core.spec import Impl
from gilscope.executors import loky as executor
from gilscope.measure.host import Lead, SupervisedHost

pytest.importorskip("loky", reason="loky is not installed: pip install 'gilscope[loky]'")


@pytest.fixture
def own_host(planted_path: Path) -> Iterator[SupervisedHost]:
    with SupervisedHost({}, cpus=2) as host:
        yield host


def _slot(kernel: str) -> Slot:
    return Slot(case=Case(kernel=kernel, implementation="py_loop", executor="loky", workers=2, size="S"))


def _names() -> set[str]:
    return {name for name in os.listdir("/dev/shm") if "loky" in name} if os.path.isdir("/dev/shm") else set()


def test_a_worker_that_dies_fails_its_case_the_rest_goes_on_and_nothing_is_left(own_host: SupervisedHost) -> None:
    before = _names()
    right = _slot("planted_right")
    assert own_host.prepare(right).status == "ok"
    measured = own_host.run_round(right, 3, Lead(repeats=1), 60)
    assert len(measured.stamps) == 2
    assert all(stamp.cpu_ns > 0 for stamp in measured.stamps)
    killed = own_host.prepare(_slot("planted_killed"))
    assert killed.status == "failed"
    assert "SIGKILL" in killed.reason
    raised = own_host.prepare(_slot("planted_raises"))
    assert "ArithmeticError: planted in the second half" in raised.reason
    assert "in raises" in raised.detail
    assert own_host.run_round(right, 2, Lead(repeats=1), 60).wall_ns > 0
    own_host.close()
    assert _names() <= before


@pytest.mark.parametrize(
    ("end", "words"),
    [((os.kill, signal.SIGKILL), "was killed by SIGKILL"), ((os._exit, 3), "ended with exit status 3")],
)
def test_the_exit_code_is_read_from_the_message_of_the_loky_that_is_installed(end: tuple[Any, int], words: str) -> None:
    function, number = end
    pool = executor.open_pool(1, 2)
    arguments = (pool.executor.submit(os.getpid).result(), number) if function is os.kill else (number,)
    try:
        with pytest.raises(WorkerDiedError, match=f"^a loky worker {words}$"):
            executor.answers([pool.executor.submit(function, *arguments)])
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("A worker ended. The exit codes of the workers are {UNKNOWN(255), SIGKILL(-9)}", "ended with exit status 255"),
        ("A worker ended. The exit codes of the workers are {SIGNAL(-999)}", "was killed by signal 999"),
        ("A worker ended: status -9\nand more", "ended: A worker ended: status -9"),
        ("exit codes of the workers are {SIGKILL}", "ended: exit codes of the workers are {SIGKILL}"),
        ("", "ended: loky gives no reason"),
    ],
)
def test_a_message_of_another_loky_is_quoted(message: str, words: str) -> None:
    assert executor.how_it_ended(message) == words


def test_where_it_is_not_installed_it_says_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_PACKAGES", ("no_such_loky", "no_such_joblib.externals.loky"))
    found = executor.availability(Impl(name="any", target="", gil="held"))
    assert not found.ok
    assert "pip install 'gilscope[loky]'" in found.cure
