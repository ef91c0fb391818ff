"""Engines that are not ours: right answers from threads and processes, one clear line for every bad factory."""

from __future__ import annotations

import concurrent.futures
import importlib.metadata
import importlib.util
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gilscope import executors
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import UnavailableError, UnknownNameError
from gilscope.core.registry import check_executors, is_engine
from gilscope.executors import _engine, _engines
from gilscope.measure.host import Lead, SupervisedHost

THREADS = "futures:concurrent.futures:ThreadPoolExecutor"


def _missing(*packages: str) -> str:
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    return f"{absent[0]} is not installed" if absent else ""


def _engine_named(name: str, why: str) -> Any:
    return pytest.param(f"futures:{name}", marks=pytest.mark.skipif(bool(why), reason=why), id=name)


ENGINES = [
    pytest.param(THREADS, id="threads"),
    pytest.param("futures:concurrent.futures:ProcessPoolExecutor", id="processes"),
    _engine_named("joblib_threading", _missing("joblib")),
    _engine_named("joblib_loky", _missing("joblib")),
    _engine_named("dask_client", _missing("distributed")),
    _engine_named("mpi4py", _missing("mpi4py") or ("" if shutil.which("mpiexec") else "there is no MPI")),
]


@pytest.fixture
def host(planted_path: Path) -> Iterator[SupervisedHost]:
    with SupervisedHost({}, cpus=2) as host:
        yield host


def _slot(executor: str, kernel: str = "planted_right") -> Slot:
    return Slot(case=Case(kernel=kernel, implementation="py_loop", executor=executor, workers=2, size="S"))


@pytest.mark.parametrize("executor", ENGINES)
def test_an_engine_gives_right_answers_and_every_worker_has_a_stamp(host: SupervisedHost, executor: str) -> None:
    slot = _slot(executor)
    record = host.prepare(slot)
    assert (record.status, record.reason) == ("ok", "")
    measured = host.run_round(slot, 3, Lead(repeats=1), 60)
    assert len(measured.stamps) == len(record.placed) == 2
    assert record.pss_bytes is None
    raised = host.prepare(_slot(executor, "planted_raises"))
    assert "ArithmeticError: planted in the second half" in raised.reason


def test_where_workers_are_tells_threads_from_processes(host: SupervisedHost) -> None:
    for name, count in (("ThreadPoolExecutor", 1), ("ProcessPoolExecutor", 2)):
        record = host.prepare(_slot(f"futures:concurrent.futures:{name}"))
        assert len({place["process"] for place in record.placed}) == count


def one(max_workers: int) -> concurrent.futures.Executor:
    return concurrent.futures.ThreadPoolExecutor(1)


def many(max_workers: int) -> concurrent.futures.Executor:
    return concurrent.futures.ThreadPoolExecutor(max_workers + 1)


def nothing(max_workers: int) -> None:
    return None


def needy(max_workers: int, address: str) -> None:
    return None


def fails(max_workers: int) -> None:
    raise OSError("no licence")


class Deaf(concurrent.futures.Executor):
    """An engine that refuses tasks."""

    def __init__(self, max_workers: int) -> None:
        self.ended = False

    def submit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("closed on Sundays")

    def shutdown(self, *_: Any, **__: Any) -> None:
        self.ended = True


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("nosuchmodule:f", "importing nosuchmodule raised ModuleNotFoundError"),
        (f"{__name__}:absent", "has no absent"),
        (f"{__name__}:THREADS", "THREADS is str, not a function"),
        (f"{__name__}:needy", "missing a required argument: 'address'"),
        (f"{__name__}:nothing", "returned NoneType, not an executor"),
        (f"{__name__}:fails", "its factory raised OSError: no licence"),
        (f"{__name__}:one", "1 worker did tasks instead of 2"),
        (f"{__name__}:many", "3 workers did tasks instead of 2"),
        (f"{__name__}:Deaf", "closed on Sundays"),
        ("nobody", "no package registers an executor 'nobody'"),
    ],
)
def test_a_bad_factory_gets_one_line_that_says_what_is_wrong(factory: str, words: str) -> None:
    reason, _ = _engine.problem(f"futures:{factory}", 2)
    assert words in reason
    assert "\n" not in reason


def test_a_good_factory_has_no_problem_and_leaves_no_thread() -> None:
    before = threading.active_count()
    assert _engine.problem(THREADS, 2) == ["", ""]
    assert threading.active_count() == before


def test_a_name_that_another_package_registers_is_its_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint(name="mine", value="concurrent.futures:ThreadPoolExecutor", group="")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group, **_: [entry])
    assert _engines.address_of("mine") == entry.value
    assert _engines.known() == (*_engines.OWN, "mine")
    assert _engine.factory_of("futures:mine") is concurrent.futures.ThreadPoolExecutor


@pytest.mark.parametrize("how", ["futures:a.b:make", "futures:a:make.weak", "futures:named", "futures:named.weak"])
def test_the_id_of_a_case_has_its_engine_and_is_read_back(how: str) -> None:
    case = Case.parse(f"nbody/py_loop@{how}*2#S")
    assert is_engine(case.executor)
    assert case.executor == how.removesuffix(".weak")
    assert case.by_tasks
    assert not case.one_gil
    assert Case.parse(case.id) == case


@pytest.mark.parametrize("wrong", ["futures:", "futures:a.b", "futures:a:b.c", "futures:a:b:c", "futures:a b:c"])
def test_what_is_no_factory_is_an_unknown_executor(wrong: str) -> None:
    with pytest.raises(UnknownNameError):
        check_executors([wrong])


def test_a_name_nobody_registered_cannot_be_opened() -> None:
    with pytest.raises(UnavailableError, match="known are joblib_threading"):
        executors.module_of("futures:nobody").open_pool(2, 2, executor="futures:nobody")
