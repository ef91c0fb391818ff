"""Sub-interpreters: where they cannot be used and why, and where they can, that each has a GIL of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gilscope.core import targets
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import UnavailableError, WorkerRaisedError
from gilscope.core.spec import BufferSpec, Impl, KernelSpec, Work
from gilscope.executors import interpreters as executor
from gilscope.executors._interpreter_worker import read_message, write_message
from gilscope.executors._rounds import Task
from gilscope.executors._shm import Segment
from gilscope.measure.host import SupervisedHost

HERE = executor.availability(Impl(name="any", target="", gil="held"))
needs_interpreters = pytest.mark.skipif(not HERE.ok, reason=f"{HERE.reason}; {HERE.cure}")


def _slot(kernel: str) -> Slot:
    return Slot(case=Case(kernel=kernel, implementation="py_loop", executor="interpreters", workers=2, size="S"))


@pytest.mark.parametrize("package", ["numpy", "numba"])
def test_what_cannot_be_imported_there_is_said(package: str) -> None:
    found = executor.availability(Impl(name="np_vec", target="", gil="released", needs=(package,)))
    assert not found.ok
    assert package in found.reason
    assert "--executors" in found.cure


@pytest.mark.parametrize(
    ("version", "backport", "ok", "cure"),
    [
        ((3, 14, 0), False, True, ""),
        ((3, 13, 1), True, True, ""),
        ((3, 13, 1), False, False, "pip install 'gilscope[interpreters]'"),
        ((3, 12, 9), True, False, "use Python 3.14"),
    ],
)
def test_old_interpreters_say_what_they_lack(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], backport: bool, ok: bool, cure: str
) -> None:
    class Version(tuple[int, ...]):
        major, minor = version[:2]

    monkeypatch.setattr(executor.sys, "version_info", Version(version))
    monkeypatch.setattr(executor.importlib.util, "find_spec", lambda name: object() if backport else None)
    found = executor.availability(Impl(name="py_loop", target="", gil="held"))
    assert found.ok is ok
    assert cure in found.cure


class _Refusing(executor.InterpreterPool):
    """Interpreters whose first one could not import something; nothing is started."""

    def __init__(self, error: str) -> None:
        self._error = error

    def send(self, index: int, command: tuple[object, ...]) -> None:
        pass

    def collect(self, workers: int) -> list[tuple[tuple[object, ...], int]]:
        return [(("raised", ": importing mine: ImportError", f"Traceback\nImportError: {self._error}\n"), 0)] * workers


def test_an_extension_that_refuses_interpreters_is_no_failure_but_unavailable() -> None:
    pool = _Refusing("module numpy._core._multiarray_umath does not support loading in subinterpreters")
    with pytest.raises(UnavailableError, match=r"^numpy cannot be imported in a sub-interpreter.*--executors"):
        pool.ask([("warm", 0)] * 2, "case")
    with pytest.raises(WorkerRaisedError, match="importing mine"):
        _Refusing("No module named 'nothing'").ask([("warm", 0)] * 2, "case")


def test_messages_arrive_whole_and_the_end_is_an_end() -> None:
    reading, writing = os.pipe()
    messages = [("round", 1, None), {"text": "x" * 50_000}, b""]
    for message in messages:
        write_message(writing, message)
        assert read_message(reading) == message
    os.close(writing)
    with pytest.raises(EOFError):
        read_message(reading)
    os.close(reading)


PING_PONG = """
import sys, time

def ping_pong(phase, lo, hi, params, buffers):
    turn, armed = buffers["turn"], buffers["armed"]
    if not armed[0]:
        return 0
    sys.setswitchinterval(1000.0)  # whoever has a GIL keeps it: with a single one the other never gets a turn
    deadline = time.monotonic() + params["patience_s"]
    for done in range(params["turns"]):
        while turn[0] % 2 != lo:
            if time.monotonic() > deadline:
                return done
        turn[0] += 1
    return params["turns"]
"""


@needs_interpreters
def test_two_interpreters_go_on_where_neither_lets_its_gil_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ping_pong_module.py").write_text(PING_PONG)
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = KernelSpec(
        name="ping_pong",
        summary="two workers take turns",
        regime="waiting",
        sizes={"S": {"turns": 20, "patience_s": 30}},
        layout=lambda params: (
            BufferSpec(name="turn", format="q", length=1, role="state"),
            BufferSpec(name="armed", format="q", length=1, role="state"),
        ),
        extent=lambda params: 2,
        combine=lambda params, partials: min(partials),
        work=lambda params, result: Work(units=1, unit="turns"),
        impls=(),
    )
    layout = targets.layout(spec.layout(spec.sizes["S"]))
    segment = Segment(layout[0])
    buffers = targets.views(segment.map(), layout)
    case = Case(
        kernel="ping_pong", implementation="py", executor="interpreters", workers=2, size="S", chunks_per_worker=1
    )
    task = Task(
        case=case,
        spec=spec,
        params=spec.sizes["S"],
        target="ping_pong_module:ping_pong",
        layout=layout,
        segment=segment,
        segment_key="k",
        buffers=buffers,
    )
    pool = executor.open_pool(2, cpus=2)
    session = pool.bind(task)
    buffers["armed"][0] = 1
    session.run_round(1)
    assert session.result == 20
    session.close()
    pool.close()


@needs_interpreters
def test_a_worker_that_raises_fails_its_case_and_keeps_its_traceback(planted_path: object) -> None:
    with SupervisedHost({"threads": 2}, cpus=2) as host:
        record = host.prepare(_slot("planted_raises"))
        assert record.status == "failed"
        assert "ArithmeticError: planted in the second half" in record.reason
        assert "in raises" in record.detail
        assert host.prepare(_slot("planted_right")).status == "ok"
