"""What a worker does with the user's own function, in this process."""

from __future__ import annotations

import importlib
import json
import os
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from gilscope.core import clocks, targets
from gilscope.executors import serial
from gilscope.executors._worker import Bound, Job, perform
from gilscope.kernels import _calls
from gilscope.kernels._calls import CallError, Calls, TargetError, import_target

SOURCE = """
    import os
    SEEN = []
    def note(*args, **kwargs):
        SEEN.append((args, kwargs))
        return len(SEEN)
    def generator():
        yield 1
    async def coroutine():
        return 1
    def leave():
        raise SystemExit(3)
    def moves():
        os.chdir(os.sep)
    def arguments():
        return (1, 2)
    def named():
        return {"a": 1}
    THINGS = "abc"
    def none():
        return []
    nameless = lambda: 1
    def module():
        return os
    def raises():
        raise RuntimeError("not here")
    def right(result):
        return result > 0
    def wrong(result):
        assert result < 0, "not below zero"
    NUMBER = 7
    def grows(xs, known={}):
        xs.append(len(known))
        known[len(known)] = None
        SEEN.append((len(xs), len(known)))
    class Box:
        @staticmethod
        def inside():
            return 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module ``owned``, forgotten afterwards."""
    (tmp_path / "owned.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def _definition(folder: Path, target: str, **more: str) -> dict[str, str]:
    empty = {"arguments": "((), {})", "packed": "", "setup": "", "items": "", "check": ""}
    return {"folder": str(folder), "target": target, **empty, **more}


def _calls_of(folder: Path, target: str, **more: str) -> Calls:
    return Calls(_definition(folder, target, **more))


def _seen() -> list[Any]:
    return sys.modules["owned"].SEEN


def test_a_target_with_a_definition_makes_the_function_of_it(folder: Path) -> None:
    made = targets.resolve("gilscope.kernels._calls:Calls", _definition(folder, "owned:note"))
    assert isinstance(made, Calls)
    assert made.dispatcher is sys.modules["owned"].note


def test_a_chunk_is_one_call_per_task_with_the_arguments(folder: Path) -> None:
    calls = _calls_of(folder, "owned:note", arguments="((1,), {'b': 2})")
    calls(0, 0, 3, {}, {})
    calls(0, 3, 8, {}, {})
    assert _seen() == [((1,), {"b": 2})] * 8


def test_chunks_together_call_the_function_once_per_item_and_go_round(folder: Path) -> None:
    calls = _calls_of(folder, "owned:note", items="owned:THINGS", arguments="((5,), {})")
    for lo, hi in ((0, 2), (2, 6)):
        calls(0, lo, hi, {}, {})
    assert [args for args, _ in _seen()] == [(letter, 5) for letter in "abcabc"]


@pytest.mark.parametrize(
    ("setup", "arguments"),
    [("owned:arguments", ((1, 2, 9), {"z": 0})), ("owned:named", ((9,), {"a": 1, "z": 0}))],
)
def test_setup_makes_arguments_before_those_that_were_given(
    folder: Path, setup: str, arguments: tuple[Any, Any]
) -> None:
    _calls_of(folder, "owned:note", setup=setup, arguments="((9,), {'z': 0})")(0, 0, 1, {}, {})
    assert _seen() == [arguments]


def test_results_are_checked_in_the_first_round_only(folder: Path) -> None:
    right = _calls_of(folder, "owned:note", check="owned:right")
    assert right(0, 0, 4, {}, {}) is None
    wrong = _calls_of(folder, "owned:note", check="owned:wrong")
    assert wrong(0, 0, 4, {}, {}) == "the check of owned:note failed: not below zero"
    assert wrong(0, 0, 4, {}, {}) is None


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("owned:generator", "returns a generator, so nothing has run"),
        ("owned:coroutine", "is a coroutine function"),
        ("owned:leave", "return from the function instead of calling sys.exit"),
    ],
)
def test_what_would_make_a_figure_meaningless_is_refused_with_its_cure(
    folder: Path, target: str, complaint: str
) -> None:
    with pytest.raises(CallError, match=complaint):
        _calls_of(folder, target)(0, 0, 1, {}, {})


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("owned:nothing", "owned has no 'nothing'"),
        ("owned:NUMBER", "is not a function: its type is int"),
        ("no_such_module_here:f", "start gilscope in the folder the module is in"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(folder: Path, target: str, complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        _calls_of(folder, target)


def test_no_items_are_refused(folder: Path) -> None:
    with pytest.raises(CallError, match="has no items"):
        _calls_of(folder, "owned:note", items="owned:none")


def test_the_traceback_of_the_function_is_kept(folder: Path) -> None:
    with pytest.raises(CallError) as caught:
        _calls_of(folder, "owned:leave")(0, 0, 1, {}, {})
    assert "in leave" in caught.value.detail


def test_a_changed_working_directory_is_put_back_before_every_call(folder: Path) -> None:
    calls = _calls_of(folder, "owned:moves")
    for _ in range(3):
        calls(0, 0, 2, {}, {})
    assert calls.moves
    assert os.getcwd() == os.sep


def test_a_thread_must_not_change_the_working_directory(folder: Path) -> None:
    calls, raised = _calls_of(folder, "owned:moves"), []

    def work() -> None:
        try:
            calls(0, 0, 1, {}, {})
        except CallError as error:
            raised.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "which all threads share" in raised[0]


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("owned:moves", "which all interpreters of a process share: use absolute paths"),
        ("owned:nameless", "the lambda owned:nameless cannot be sent to an interpreter"),
        ("owned:module", "returns a module, which cannot be sent back from an interpreter"),
        ("owned:raises", "it went well in the main interpreter"),
    ],
)
def test_what_an_interpreter_cannot_do_is_refused_with_its_cure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, target: str, complaint: str
) -> None:
    monkeypatch.setattr(_calls, "inside", lambda: True)
    with pytest.raises(CallError, match=complaint):
        _calls_of(folder, target)(0, 0, 1, {}, {})


def test_a_static_method_is_found_by_its_path(folder: Path) -> None:
    assert import_target("owned:Box.inside", str(folder))() == 1


def test_a_file_of_a_package_is_imported_as_part_of_it(folder: Path) -> None:
    package = folder / "lib" / "pack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("VALUE = 5\n")
    (package / "work.py").write_text("from .other import VALUE\ndef f(): return VALUE\n")
    function = import_target("lib/pack/work.py:f", str(folder))
    assert (function(), function.__module__) == (5, "pack.work")


def test_a_file_named_like_a_module_of_the_standard_library_hides_nothing(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "json.py").write_text("def f(): return 'mine'\n")
    assert import_target("sub/json.py:f", str(folder))() == "mine"
    assert sys.modules["json"] is json


def test_a_file_is_imported_once(folder: Path) -> None:
    assert import_target("owned.py:note", str(folder)) is import_target("owned.py:note", str(folder))


def test_calls_that_change_their_arguments_all_find_them_as_at_first(folder: Path) -> None:
    calls = _calls_of(folder, "owned:grows", arguments="(([1],), {})", fresh="1")
    calls(0, 0, 3, {}, {})  # with care
    calls.prepare(4)
    calls(0, 0, 3, {}, {})
    calls(0, 0, 3, {}, {})  # more than were prepared
    assert _seen() == [(2, 1)] * 9
    assert calls.given[0] == ([1],)


def test_copies_are_made_before_the_clock_starts(folder: Path) -> None:
    events: list[str] = []

    class Timed(Calls):
        def prepare(self, calls: int) -> None:
            events.append(f"prepare {calls}")
            super().prepare(calls)

        def run(self, lo: int, hi: int) -> None:
            events.append(f"run {hi - lo}")
            super().run(lo, hi)

    class Barrier:
        waiting_ns = waking_ns = spun_ns = 0

        def start(self) -> int:
            events.append("start")
            return clocks.wall_ns()

        def wait(self) -> None: ...

        def finish(self, end_ns: int) -> None: ...

    job = Job(
        target="", params={}, layout=(0, ()), segment="", phases=1, chunks=((0, 0, 2), (1, 2, 5)), index=0, parties=2,
        barrier_slot=0, spin_ns=0,
    )  # fmt: skip
    timed = Timed(_definition(folder, "owned:grows", arguments="(([1],), {})", fresh="1"))
    perform(Bound(job=job, function=timed, buffers={}, barrier=Barrier(), import_ns=0), 2)
    assert events[:2] == ["prepare 10", "start"]


def test_what_making_the_copies_costs_is_in_no_figure_of_one_worker(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the process would seem to keep more than one CPU busy, as with threads of libraries."""
    events: list[str] = []
    monkeypatch.setattr(serial, "prepare", lambda *args: events.append("prepare"))
    monkeypatch.setattr(serial, "outside", lambda: events.append("outside") or (None, None, 0))
    session = object.__new__(serial.SerialSession)
    session._task, session._bound, session.placed = None, None, []
    with pytest.raises(AttributeError):  # nothing is bound
        session.run_round(1)
    assert events == ["prepare", "outside"]


def test_copies_that_are_there_are_not_made_again(folder: Path) -> None:
    calls = _calls_of(folder, "owned:grows", arguments="(([1],), {})", fresh="1")
    calls.prepare(3)
    first = list(calls._copies)
    calls.prepare(3)
    assert all(one is other for one, other in zip(first, calls._copies, strict=True))
    calls.run(0, 3)
    calls.prepare(3)
    assert calls._copies[0] is not first[0]


@pytest.mark.parametrize(
    ("source", "more", "complaint"),
    [
        ("text", {}, """f needs 'text': give it with --arg text='"..."', or by --setup wants:make, a function"""),
        ("text, /", {}, """f needs 'text': give it with --arg '"..."',"""),
        ("a, b=1, *c, d, **e", {"arguments": "((1,), {})"}, "f needs 'd': give it with --arg d="),
        ("a, b", {"setup": "wants:make"}, "f needs 'b': let wants:make return it too: one value, a tuple, or a dict"),
        ("item, b", {"items": "wants:ITEMS"}, "f needs 'b': give it"),
    ],
)
def test_a_missing_argument_is_named_before_anything_is_called(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, more: dict[str, str], complaint: str
) -> None:
    (folder / "wants.py").write_text(f"ITEMS = [1]\ndef make(): return 1\ndef f({source}): raise AssertionError\n")
    monkeypatch.delitem(sys.modules, "wants", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(TargetError) as refused:
        _calls_of(folder, "wants:f", **more)
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize("setup", ["return 3", "return (3,)", "return {'a': 3}"])
def test_what_setup_returns_may_be_a_value_a_tuple_or_a_dict(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setup: str
) -> None:
    (folder / "wants.py").write_text(f"def make(): {setup}\ndef f(a): return a\n")
    monkeypatch.delitem(sys.modules, "wants", raising=False)
    importlib.invalidate_caches()
    assert _calls_of(folder, "wants:f", setup="wants:make").one(0) == 3


def test_a_decorator_may_supply_arguments(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "wants.py").write_text(
        "import functools\ndef given(f):\n    @functools.wraps(f)\n    def call(*args): return f(7, *args)\n"
        "    return call\n@given\ndef f(a): return a\n"
    )
    monkeypatch.delitem(sys.modules, "wants", raising=False)
    importlib.invalidate_caches()
    assert _calls_of(folder, "wants:f").one(0) == 7
