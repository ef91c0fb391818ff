"""What the host asks its supervisor for, and what it forgets."""

from __future__ import annotations

from typing import Any

import pytest

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import NoRoomError, WorkerDiedError
from gilscope.core.memory import KEEPING
from gilscope.env.interpreters import Interpreter
from gilscope.measure import host as module
from gilscope.measure.host import SupervisedHost, family_of


class FakeSupervisor:
    """Remembers what it was started with; every call fails."""

    def __init__(self, most_processes: int, error: Exception | None = None) -> None:
        self.most_processes, self.error = most_processes, error

    def call(self, *words: Any, **options: Any) -> Any:
        raise self.error or WorkerDiedError("was killed")

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SupervisorClient", FakeSupervisor)


@pytest.mark.parametrize(("cpus", "workers", "interpreters", "most"), [(2, 1, 0, 1032), (2, 1024, 3, 50152)])
def test_what_is_asked_for_is_no_fork_bomb(cpus: int, workers: int, interpreters: int, most: int) -> None:
    others = [Interpreter(label=f"3.{n}", executable="/nowhere", about={}) for n in range(interpreters)]
    with SupervisedHost({"threads": workers}, cpus=cpus, interpreters=others) as host:
        assert host.supervisor.most_processes == most


@pytest.mark.parametrize(
    ("error", "bound"), [(NoRoomError("cannot be given 1 bytes"), True), (WorkerDiedError("was killed"), False)]
)
def test_a_runner_that_got_no_memory_keeps_what_it_has_bound_and_one_that_died_does_not(
    error: Exception, bound: bool
) -> None:
    slot = Slot(case=Case(kernel="spin", implementation="py_loop", executor="serial", workers=1, size="XS"))
    with SupervisedHost({}, cpus=1) as host:
        host._bound["threads"], host._informed = {"earlier"}, {"threads"}
        host.supervisor.error = error
        with pytest.raises(WorkerDiedError):
            host._call(slot, {}, 1.0)
        assert host._bound == ({"threads": {"earlier"}} if bound else {})
        assert host._informed == ({"threads"} if bound else set())


@pytest.mark.parametrize(
    ("case", "gil"), [("nbody/py_loop@serial#XS", "held"), ("spin/cy_prange@native*2#XS", "own_threads")]
)
def test_what_an_implementation_does_with_the_gil_is_recorded(case: str, gil: str) -> None:
    with SupervisedHost({}, cpus=1) as host:
        host.supervisor.error = WorkerDiedError("was killed")
        assert host.prepare(Slot(case=Case.parse(case))).gil == gil


_THRESHOLDS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_")


@pytest.mark.parametrize(
    ("case", "rests"),
    [
        ("m:f/f@serial#8", False),
        ("m:f/f@threads*2#8", False),
        ("m:f/f@threads.all*2#8", True),
        ("m:f/f@native*2#8", True),
    ],
)
def test_runners_whose_libraries_have_threads_rest_between_rounds(case: str, rests: bool) -> None:
    found = Case.parse(case)
    with SupervisedHost({}, cpus=1) as host:
        assert host._launch(found, family_of(Slot(case=found))).rests is rests


@pytest.mark.parametrize(
    ("case", "family", "kept"),
    [
        ("m:f/f@serial#8", "threads", ()),
        ("m:f/f@serial.kept#8", "threads.kept", _THRESHOLDS),
        ("m:f/f@threads.kept*2#8!3.13t", "threads.kept!3.13t", _THRESHOLDS),
        ("m:f/f@threads.onearena*2#8", "threads.onearena", (*_THRESHOLDS, "MALLOC_ARENA_MAX")),
    ],
)
def test_only_runners_of_their_own_keep_their_memory(case: str, family: str, kept: tuple[str, ...]) -> None:
    found = Case.parse(case)
    assert family_of(Slot(case=found)) == family
    with SupervisedHost({}, cpus=1, interpreters=[Interpreter(label="3.13t", executable="/py", about={})]) as host:
        environment = host._launch(found, family).environment
    assert {name for name in environment if name.startswith("MALLOC_")} == set(kept)
    assert environment.items() >= KEEPING[found.memory].items()
