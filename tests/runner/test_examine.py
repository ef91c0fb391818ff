"""What an examination finds out about functions of every kind: which CPUs are theirs, and what calls leave behind."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gilscope.analysis import analyse
from gilscope.core.cases import Case
from gilscope.core.spec import Work
from gilscope.kernels._calls import Calls
from gilscope.kernels.user import Examined, Function, Request
from gilscope.profile import functions
from gilscope.report.sentences import verdict
from gilscope.runner import examine
from tests.analysis.rounds import ideal, study

SOURCE = """
    import functools, os, random, subprocess, sys, threading, time

    def sleeps():
        time.sleep(0.002)
    def reads_a_file():
        with open(__file__, "rb") as file:
            return len(file.read())
    def starts_a_child():
        subprocess.run([sys.executable, "-S", "-c", "pass"])
    def starts_a_thread():
        thread = threading.Thread(target=sum, args=(range(20_000),))
        thread.start()
        thread.join()
    def varies_tenfold():
        return sum(range(int(2_000 * 10 ** random.random())))
    def nothing():
        return None
    @functools.lru_cache
    def cached(n=20_000):
        return sum(range(n))
    def remembers(n=20_000, known={}):
        if n not in known:
            known[n] = sum(range(n))
        return known[n]
    def appends(xs=[]):
        xs.append(1)
        return len(xs)
    def sorts(xs):
        xs.sort()
    def shuffled():
        return (random.Random(1).sample(range(20_000), 20_000),)
    def draws(source):
        return [source.random() for _ in range(100)]
    def source():
        return random.Random(1)
    def counts(known):
        known["n"] = known.get("n", 0) + 1
    def known():
        return ({},)
    def extends(xs, n=20_000):
        xs.extend(range(n))
        return sum(xs)
    def empty():
        return ([],)
    def locks(lock):
        with lock:
            return sum(range(1_000))
    def lock():
        return threading.Lock()
    LOADED = []
    def loads_once():
        if not LOADED:
            LOADED.append(sum(range(1_000_000)))
        return sum(range(1_000))
"""


Look = Callable[..., Examined]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Return what examines a function of the source above, in this process."""
    folder = tmp_path_factory.mktemp("examined")
    (folder / "examined_here.py").write_text(textwrap.dedent(SOURCE))

    def examined(name: str, setup: str = "") -> Examined:
        made = {"target": f"examined_here:{name}", "setup": setup and f"examined_here:{setup}"}
        rest = {"folder": str(folder), "arguments": "((), {})", "items": "", "check": ""}
        found = examine.examine(Calls(made | rest))
        return Examined(**{**found, "pools": tuple(found["pools"])})

    return examined


def said(found: Examined) -> tuple[str, ...]:
    """Return the findings where two processes do twice what one does, whatever they call."""
    made = study("mod:f/f@processes*2#8", ideal(2), functions={"f": found.stored()})
    return next(row.codes for row in analyse(made).rows if row.case.workers > 1)


def cautions(found: Examined) -> list[str]:
    request = Request(functions=(Function(name="f", target="mod:f"),), folder="/")
    return [check["message"] for check in functions._cautions(request, {"f": found})]


@pytest.mark.parametrize(
    ("name", "setup"),
    [
        ("sleeps", ""),
        ("reads_a_file", ""),
        ("starts_a_child", ""),
        ("starts_a_thread", ""),
        ("varies_tenfold", ""),
        ("draws", "source"),
        ("locks", "lock"),
        ("loads_once", ""),
    ],
)
def test_what_can_be_repeated_gets_no_caution_and_no_finding_of_its_own(look: Look, name: str, setup: str) -> None:
    found = look(name, setup)
    assert cautions(found) == []
    assert not found.own_threads
    assert said(found) == ("scales",)


@pytest.mark.parametrize(("name", "setup"), [("cached", ""), ("appends", "")])
def test_a_call_that_later_calls_profit_from_is_not_repeatable(look: Look, name: str, setup: str) -> None:
    found = look(name, setup)
    assert said(found) == ("not_repeatable",)
    assert cautions(found) == []


@pytest.mark.parametrize(("name", "setup"), [("sorts", "shuffled"), ("extends", "empty"), ("remembers", "")])
def test_a_call_that_changes_its_arguments_gets_a_copy_where_making_it_costs_less(
    look: Look, name: str, setup: str
) -> None:
    found = look(name, setup)
    assert (found.copied, found.fresh, found.growth) == (True, None, None)
    assert said(found) == ("scales",)
    assert ["changes its arguments" in caution for caution in cautions(found)] == [True]


@pytest.mark.parametrize(("name", "setup"), [("nothing", ""), ("counts", "known")])
def test_arguments_that_change_and_stay_as_large_are_no_state(look: Look, name: str, setup: str) -> None:
    found = look(name, setup)
    assert "not_repeatable" not in said(found)
    assert found.growth == pytest.approx(1.0, abs=0.3)


def test_a_function_that_does_nothing_is_too_short(look: Look) -> None:
    assert said(look("nothing")) == ("too_short",)


def test_what_cannot_be_pickled_or_is_large_is_not_compared(look: Look) -> None:
    assert (look("locks", "lock").fresh, look("locks", "lock").growth) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "busy"),
    [
        ({1: (0, 0)}, {1: (5, 0)}, 0.05),  # it sleeps
        ({1: (0, 0), 2: (0, 0)}, {1: (5, 0), 2: (150, 0)}, 1.55),  # a pool works, the caller waits for it
        ({1: (0, 0), 2: (0, 0)}, {1: (50, 50), 2: (50, 50)}, 2.0),  # both queue half of the time
        ({1: (0, 0), 2: (0, 0)}, {1: (100, 0), 3: (90, 0)}, 1.0),  # one ended, and one was started
    ],
)
def test_busy_are_the_threads_that_stay(
    monkeypatch: pytest.MonkeyPatch, before: dict[int, tuple[int, int]], after: dict[int, tuple[int, int]], busy: float
) -> None:
    monkeypatch.setattr(examine.threading, "get_native_id", lambda: 1)
    assert examine._busy(before, after, 100) == pytest.approx(busy)


def test_a_way_is_not_best_where_calls_are_not_the_same_work(look: Look) -> None:
    made = study("mod:f/f@processes*2#8", ideal(2), functions={"f": look("cached").stored()})
    worked = {name: replace(record, work=Work(units=8, unit="tasks")) for name, record in made.cases.items()}
    answer = analyse(replace(made, study={"functions": ["mod:f"]}, cases=worked))
    (decided,) = answer.verdicts[0].functions
    assert (decided.best, decided.gains, decided.open_because) == ((), None, "state")
    assert "its calls are not the same work" in verdict(answer, answer.verdicts[0], decided)


def test_the_source_of_a_function_is_kept_or_why_there_is_none(look: Look, tmp_path: Path) -> None:
    found = look("nothing")
    assert found.source.splitlines()[0] == "def nothing():"
    assert (found.source_file, found.source_reason) == ("examined_here.py", "")
    assert found.source_line > 1
    kept = found.stored()
    assert {"source", "source_file", "source_line"} <= set(kept)
    assert examine.source_of(len, str(tmp_path)) == {"source_reason": "it is compiled, or not a function"}


def test_a_long_source_is_cut_at_a_line(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def f():\n" + "    x = 1\n" * 10_000)
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    found = examine.source_of(names["f"], str(tmp_path))
    assert len(found["source"]) <= 20_010
    assert found["source"].endswith("    x = 1\n...")
    assert found["source_file"] == "long.py"


class _PricedPool(ThreadPoolExecutor):
    """A pool on a clock of its own: the parent takes longer for a task the more workers it watches."""

    now_ns, most = 0, 1000
    opened: ClassVar[list[int]] = []

    def __init__(self, start_s: float, workers: int) -> None:
        super().__init__(1)
        self._start_s, self._workers = start_s, workers
        _PricedPool.opened.append(workers)

    def map(self, function: Any, arguments: Any) -> Any:
        if self._workers > self.most:
            raise BlockingIOError("no more processes")
        arguments = list(arguments)
        sleep_s = arguments[-1] if function is time.sleep else 0.0
        task_s = max(70e-6 + 1e-6 * self._workers, sleep_s / self._workers)
        _PricedPool.now_ns += round((self._start_s + len(arguments) * task_s + sleep_s) * 1e9)
        self._start_s = 0.0
        return arguments


@pytest.mark.parametrize(("start_s", "most", "pools"), [(0.1, 1000, [8, 60]), (9.0, 1000, [8]), (0.1, 20, [8, 60])])
def test_a_large_pool_is_tried_where_processes_start_fast_and_may_be_started(
    monkeypatch: pytest.MonkeyPatch, start_s: float, most: int, pools: list[int]
) -> None:
    """Whatever starting took; the price told is that of two."""
    monkeypatch.setattr(examine.clocks, "wall_ns", lambda: _PricedPool.now_ns)
    monkeypatch.setattr(examine, "_pool", lambda case: _PricedPool(start_s, case.workers))
    monkeypatch.setattr(_PricedPool, "opened", [])
    monkeypatch.setattr(_PricedPool, "most", most)
    case = Case(kernel="k", implementation="f", executor="processes", workers=8, size="1")
    low_s, high_s, more_s = examine.hand_over(case)
    both = len(pools) == 2 and most > 60
    assert _PricedPool.opened == pools
    assert (low_s, high_s) == pytest.approx((72e-6 if both else 78e-6,) * 2)
    assert more_s == pytest.approx(1e-6 if both else 0.0)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_handing_over_costs_something(monkeypatch: pytest.MonkeyPatch, executor: Any) -> None:
    monkeypatch.setattr(examine, "_MANY", 10)
    monkeypatch.setattr(examine, "_MOST_START_S", 60.0)
    start_method = "forkserver" if executor == "processes" else ""
    case = Case(kernel="k", implementation="f", executor=executor, workers=2, size="1", start_method=start_method)
    low_s, high_s, more_s = examine.hand_over(case)
    assert 0.0 < low_s <= high_s
    assert more_s >= 0.0 if executor == "processes" else more_s == 0.0
