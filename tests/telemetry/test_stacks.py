"""What stacks add up to, and that the probe reads the stack that Python itself knows."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from gilscope.telemetry.frames import MOST_FRAMES, check_own_stack, entry_names, stacks_of
from gilscope.telemetry.gil import GilMonitor, part_reason
from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, by_function, by_line

_gilprobe = pytest.importorskip("gilscope.telemetry._gilprobe")
NS = 1e9


def raw(*rows: tuple[Any, ...]) -> Any:
    return {"stacks": list(rows), "samples": len(rows), "dropped": 0}


A1, A2, B = ("a.py", "f", 1), ("a.py", "f", 2), ("b.py", "g", 7)


def test_time_belongs_to_the_innermost_frame() -> None:
    stacks = stacks_of(raw((1, 0, (A1, B), 2 * NS, 3 * NS, 4), (1, 1, (A2, B), 1 * NS, 0.0, 2)), 10.0)
    first, second = by_line(stacks)
    assert (first.frame.line, first.held, first.blame, first.waits, first.samples) == (1, 0.2, 0.3, 0.0, 4)
    assert (second.frame.line, second.held, second.blame, second.waits) == (2, 0.0, 0.0, 0.1)
    (function,) = by_function(stacks)
    assert (function.held, function.blame, function.waits) == (0.2, 0.3, 0.1)
    assert function.frame.line == 1


def test_the_same_stack_read_twice_is_one() -> None:
    """A module that is imported again has other code objects with the same lines."""
    stacks = stacks_of(raw((1, 0, (A1,), NS, 0.0, 1), (1, 0, (A1,), NS, 0.0, 2), (2, 0, (A1,), NS, 0.0, 1)), 10.0)
    assert [(stack.native_id, stack.seconds, stack.samples) for stack in stacks.stacks] == [(1, 2.0, 3), (2, 1.0, 1)]
    assert len(stacks.frames) == 1


def test_states_and_frames_without_a_line_keep_their_meaning() -> None:
    stacks = stacks_of(raw((1, 0, (("a.py", "f", 0),), NS, 0.0, 1), (2, 1, (), NS, 0.0, 1)), 1.0, "why")
    assert stacks.frames[0].line is None
    assert {stack.state for stack in stacks.stacks} == {HOLDS, WAITS_GIL}
    assert stacks.waits_reason == "why"
    assert len(by_line(stacks)) == 1  # those without frames are sums of many


def test_threads_are_named_by_what_they_began_with() -> None:
    threading_py = "/lib/threading.py"
    found = entry_names(raw((7, 0, (B, A1, (threading_py, "Thread.run", 1)), NS, 0.0, 1), (8, 0, (), NS, 0.0, 1)))
    assert found == {7: "thread 7 (f)"}


def known_stack() -> list[tuple[str, str, int | None]]:
    frame: FrameType | None = sys._getframe(1)
    rows = []
    while frame is not None and len(rows) < MOST_FRAMES:
        rows.append((frame.f_code.co_filename, frame.f_code.co_qualname, frame.f_lineno))
        frame = frame.f_back
    return rows


def compared() -> int:
    """Read the stack twice, on one line; return its depth."""
    found, known = _gilprobe.own_stack(), known_stack()
    assert list(found) == known
    return len(known)


def generates() -> Iterator[int]:
    yield compared()
    yield from (compared() for _ in range(2))


def recursive(depth: int) -> int:
    return compared() if depth == 0 else recursive(depth - 1)


def delegates(depth: int) -> Iterator[int]:
    if depth:
        yield from delegates(depth - 1)
    else:
        yield compared()


async def awaits() -> int:
    return compared()


def run_coroutine() -> None:
    coroutine = awaits()
    with pytest.raises(StopIteration):
        coroutine.send(None)


WAYS: dict[str, Callable[[], object]] = {
    "function": compared,
    "generator": lambda: list(generates()),
    "comprehension": lambda: [compared() for _ in range(2)],
    "lambda": lambda: (lambda: compared())(),
    "callback from C": lambda: sorted([2, 1], key=lambda _: compared()),
    "reduce": lambda: functools.reduce(lambda *_: compared(), range(3)),
    "deeper than is read": lambda: recursive(100),
    "yield from": lambda: list(delegates(20)),
    "coroutine": run_coroutine,
    "name beyond ASCII": lambda: exec("def größe(): return compared()\ngröße()", {"compared": compared}),
    "name beyond Latin-1": lambda: exec("def 名前(): return compared()\n名前()", {"compared": compared}),
    "class body": lambda: exec("class A:\n    compared()", {"compared": compared}),
}


@pytest.fixture
def lines(probe: None) -> None:
    """Skip, with its own reason, where stacks cannot be read."""
    if reason := part_reason("lines"):
        pytest.skip(reason)


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize("way", WAYS)
def test_the_stack_is_the_one_python_knows(way: str) -> None:
    WAYS[way]()


@pytest.mark.usefixtures("lines")
def test_the_stack_of_a_thread_ends_where_it_began() -> None:
    depths: list[int] = []
    thread = threading.Thread(target=lambda: depths.append(recursive(3)))
    thread.start()
    thread.join()
    assert depths == [4 + 1 + 4]  # recursive and compared, the lambda, run, _bootstrap_inner, _bootstrap, none above


@pytest.mark.usefixtures("lines")
def test_a_function_over_thousands_of_lines_is_read_right() -> None:
    body = "\n".join(["def f(compared):", *["    x = 1"] * 3000, "    return compared()"])
    space: dict[str, Any] = {}
    exec(compile(body, "<long>", "exec"), space)
    space["f"](compared)


@pytest.mark.usefixtures("lines")
def test_the_self_check_passes_here() -> None:
    assert check_own_stack() == ""


@pytest.mark.usefixtures("probe")
def test_lines_that_were_not_asked_for_have_a_reason() -> None:
    with GilMonitor() as gil:
        pass
    assert gil.stacks is None
    assert gil.stacks_reason == "stacks were not asked for"
    assert gil.report.stacks_reason == ""
