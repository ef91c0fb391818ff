"""Who is named: a line with most of the blame, else a function, else nobody."""

from __future__ import annotations

from gilscope.analysis.blame import culprit, waiting_lines, worth_showing
from gilscope.telemetry.blame import by_call
from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, WAITS_LOCK, Frame
from tests.made_stacks import DECODE, HANDLER, HASHING, JOIN, LOADS, MAIN, server, stacks


def frame(function: str, line: int) -> Frame:
    return Frame(file="a.py", function=function, line=line)


def test_a_line_with_most_of_the_blame_is_named_with_what_it_called() -> None:
    found = culprit(by_call(server()))
    assert found is not None
    assert (found.file, found.line, found.callee) == (HANDLER.file, 7, "json.loads")
    assert found.share == 14.2 / 16.2


def test_the_same_call_of_several_rounds_is_one() -> None:
    assert culprit([*by_call(server())] * 3) == culprit(by_call(server()))


def test_a_line_that_calls_several_things_is_named_alone() -> None:
    others = (HOLDS, (DECODE, HANDLER), 3.0, 3.0), (HOLDS, (LOADS, HANDLER), 3.0, 3.0), (HOLDS, (HASHING,), 3.0, 3.0)
    found = culprit(by_call(stacks(*others)))
    assert found is not None
    assert (found.line, found.callee, round(found.share, 3)) == (7, "", 0.667)


def test_a_function_is_named_where_its_lines_share_the_blame() -> None:
    rows = [(HOLDS, (frame("f", line),), 2.0, 2.0) for line in (1, 2, 3)]
    found = culprit(by_call(stacks(*rows, (HOLDS, (frame("g", 9),), 2.0, 2.0))))
    assert found is not None
    assert (found.function, found.line, round(found.share, 9)) == ("f", None, 0.75)


def test_nobody_is_named_without_a_majority_or_without_blame() -> None:
    assert culprit(by_call(stacks(*((HOLDS, (frame(name, 1),), 1.0, 1.0) for name in "fgh")))) is None
    assert culprit(by_call(stacks((HOLDS, (HANDLER,), 9.0, 0.0)))) is None
    assert culprit(()) is None


def test_lines_too_small_to_read_are_not_shown() -> None:
    found = worth_showing(stacks((HOLDS, (HANDLER,), 5.0, 5.0), (HOLDS, (HASHING,), 0.01, 0.01)))
    assert [line.frame for line in found] == [HANDLER]


def test_where_threads_wait_the_gil_comes_before_locks() -> None:
    rows = [(WAITS_GIL, (frame("f", line),), 1.0 + line, 0.0) for line in range(1, 6)]
    found = waiting_lines(stacks(*rows, (WAITS_LOCK, (JOIN, MAIN), 10.0, 0.0)))
    assert [call.frame.line for call in found] == [5, 4, 3, 30]
