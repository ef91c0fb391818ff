"""The recorder keeps what every writer wrote, also of those that died."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gilscope.core.trace import CATEGORIES, Event, Recorder, Trace, by_group, duration, is_gil, lane_of_group


def test_spans_and_messages_come_back_in_order_of_time(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    log.tell("main", "worker", "go")
    with log.span("worker", "outer"), log.span("worker", "inner", "wait"):
        pass
    log.tell("worker", "main", "done")
    trace = log.trace("a run")
    outer, inner = trace.events
    assert (outer.name, inner.name, inner.category) == ("outer", "inner", "wait")
    assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns
    assert [message.name for message in trace.messages] == ["go", "done"]
    assert trace.lanes == ("main", "worker")
    assert trace.start_ns <= outer.start_ns
    assert trace.end_ns >= outer.end_ns


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")

    def write(lane: str) -> None:
        for number in range(100):
            with log.span(lane, str(number)):
                pass

    threads = [threading.Thread(target=write, args=(f"t{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trace = log.trace()
    assert [len(trace.spans(f"t{index}")) for index in range(4)] == [100] * 4


def _nap(log: Recorder) -> None:
    with log.span("child", "there"):
        pass


def test_processes_write_to_the_same_clock(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    with log.span("main", "around"):
        child = multiprocessing.get_context("spawn").Process(target=_nap, args=(log,))
        child.start()
        child.join()
    around, there = log.trace().events
    assert around.start_ns < there.start_ns <= there.end_ns < around.end_ns


def test_what_was_begun_before_a_crash_is_kept_and_says_so(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    code = (
        "import os, signal\nfrom gilscope.core.trace import Recorder\n"
        f"log = Recorder({log.path!r})\n"
        "with log.span('child', 'work'):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    log.tell("main", "main", "it is gone")
    (event,) = log.trace().events
    assert event.name == "work (never ended)"
    assert event.end_ns >= event.start_ns


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    log.did("a", "b", 1, 2)
    with open(log.path, "ab") as file:
        file.write(b'["did","a",')
    assert log.trace().events == (Event(lane="a", name="b", start_ns=1, end_ns=2, category="compute"),)


def test_nothing_written_is_an_empty_trace(tmp_path: Path) -> None:
    trace = Recorder(tmp_path / "never").trace()
    assert (trace.events, trace.lanes, trace.start_ns, trace.end_ns) == ((), (), 0, 0)


def test_a_recorder_travels_and_closes(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    copy = pickle.loads(pickle.dumps(log))
    copy.did("a", "b", 1, 2)
    log.did("a", "c", 3, 4)
    log.close()
    log.close()
    log.did("a", "d", 5, 6)
    assert [event.name for event in log.trace().events] == ["b", "c", "d"]
    assert os.path.samefile(copy.path, log.path)


def test_asked_for_lanes_stand_first() -> None:
    made = [Event(lane=lane, name="x", start_ns=at, end_ns=9, category="state") for at, lane in enumerate("cab")]
    trace = Trace(title="", events=tuple(made), order=("b", "none"))
    assert trace.lanes == ("b", "c", "a")


@pytest.mark.parametrize(
    ("lane", "parts"), [("a", ("", "a")), ("processes/worker-1", ("processes", "worker-1")), ("a/b/c", ("a/b", "c"))]
)
def test_the_text_before_the_last_slash_is_the_group(lane: str, parts: tuple[str, str]) -> None:
    assert lane_of_group(lane) == parts


def test_categories_are_unlike_each_other() -> None:
    assert len(set(CATEGORIES)) == len(CATEGORIES) > 5


@pytest.mark.parametrize(
    ("span_ns", "words"),
    [(0, "0 ns"), (999, "999 ns"), (1500, "1.5 µs"), (2_000_000, "2 ms"), (123_456_789, "123 ms"), (90e9, "90 s")],
)
def test_durations_are_written_with_three_digits(span_ns: float, words: str) -> None:
    assert duration(span_ns) == words


def test_facts_come_back_as_they_were_written(tmp_path: Path) -> None:
    log = Recorder(tmp_path / "log")
    log.fact("worker cpu", 12)
    log.fact("seen", ["a", None])
    assert dict(log.trace().facts) == {"worker cpu": 12, "seen": ["a", None]}


def test_groups_come_apart_with_the_lanes_own_names() -> None:
    lanes = ("a/main", "a/GIL", "b/main")
    made = [Event(lane=lane, name="x", start_ns=0, end_ns=1, category="state") for lane in lanes]
    one, other = by_group(Trace(title="", events=tuple(made), order=lanes))
    assert (one.title, one.lanes, other.title, other.lanes) == ("a", ("main", "GIL"), "b", ("main",))
    alone = Trace(title="x", events=(Event(lane="main", name="x", start_ns=0, end_ns=1, category="state"),))
    assert by_group(alone) == (alone,)
    assert is_gil("a/GIL")
    assert not is_gil("GIL/a")
