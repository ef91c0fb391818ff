"""Programs of the tour: readers can run what they see, and marks become what is recorded."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import gilscope.tour as tour
from gilscope.core.trace import Recorder, Trace
from gilscope.tour import CHAPTERS, _program, load_chapter
from gilscope.tour._model import Experiment, run_experiment
from gilscope.tour._work import judge_turns

EXPERIMENTS = {f"{name}-{e.name}": e for name in CHAPTERS for e in load_chapter(name).experiments}
WIDEST = 84  # characters that fit the column of the site
COMPILERS = {"from numba import": "numba", "import cython": "Cython"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_shown_is_plain_python_that_fits_its_column(name: str) -> None:
    shown = _program.shown(EXPERIMENTS[name].program)
    assert [line for line in shown.splitlines() if len(line) > WIDEST] == []
    assert not [word for word in ("gilscope", "Recorder", "log.", "_marks", "#:", "#<", "#>", "#=") if word in shown]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_copied_program_ends_with_status_0_without_gilscope(name: str, tmp_path: Path) -> None:
    experiment = EXPERIMENTS[name]
    needed = [package for text, package in COMPILERS.items() if text in experiment.program]
    if any(importlib.util.find_spec(package) is None for package in needed):
        pytest.skip(f"needs {needed[0]}")
    if not experiment.available().ok:
        pytest.skip(f"cannot run here: {experiment.available().reason}")
    (tmp_path / "copied.py").write_text(_program.shown(experiment.program), encoding="utf-8")
    alone = ["-I"] if needed else ["-I", "-S"]  # without -S what is installed could be imported
    command = [sys.executable, *alone, "copied.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or experiment.name == "turns", "it prints what it found"


def record(tmp_path: Path, text: str) -> tuple[Trace, str]:
    log = Recorder(tmp_path / "events")
    failure = _program.run(text, log, tmp_path)
    return log.trace(), failure


MARKED = """\
import asyncio
import multiprocessing
import threading

lock = threading.Lock()
total = 0


def work(name):
    global total
    for number in range(3):
        total += number  #> main: {name} at {number}
    with lock:  #: wait: wait for it
        inside = [  #: inside
            name
        ]


async def task():
    await asyncio.sleep(0)  #: sleep: doze


async def main():
    await asyncio.create_task(task(), name="task")  #: wait: await


if __name__ == "__main__":
    thread = threading.Thread(target=work, args=("thread",), name="thread")
    thread.start()  #> thread: start
    thread.join()  #: wait: join  #< thread>main: over
    process = multiprocessing.Process(target=work, args=("process",), name="process")
    process.start()
    process.join()
    asyncio.run(main())  #= result: {"total": total}
"""


def test_marks_are_recorded_on_the_lane_of_the_thread_process_or_task_that_ran_them(tmp_path: Path) -> None:
    trace, failure = record(tmp_path, MARKED)
    assert failure == ""
    assert sorted((e.lane, e.name, e.category) for e in trace.events) == [
        ("main", "await", "wait"),
        ("main", "join", "wait"),
        ("process", "inside", "compute"),
        ("process", "wait for it", "wait"),
        ("task", "doze", "sleep"),
        ("thread", "inside", "compute"),
        ("thread", "wait for it", "wait"),
    ]
    assert [(m.source, m.target, m.name) for m in trace.messages] == [
        ("main", "thread", "start"),
        ("thread", "main", "thread at 0"),
        ("thread", "main", "thread at 1"),
        ("thread", "main", "thread at 2"),
        ("thread", "main", "over"),
        ("process", "main", "process at 0"),
        ("process", "main", "process at 1"),
        ("process", "main", "process at 2"),
    ]
    assert trace.facts["result"] == {"total": 3}
    assert "thread cpu_ns" in trace.facts


def test_a_mark_for_the_first_times_only_is_silent_afterwards(tmp_path: Path) -> None:
    trace, _ = record(tmp_path, "for _ in range(5):\n    pass  #2< other: again\n")
    assert [m.name for m in trace.messages] == ["again", "again"]


def test_a_with_statement_is_waited_for_and_left(tmp_path: Path) -> None:
    text = """\
import threading
lock = threading.Lock()
try:
    with lock:  #: wait: enter
        raise KeyError
except KeyError:  #= result: lock.locked()
    pass
"""
    trace, failure = record(tmp_path, text)
    assert failure == ""
    assert [e.name for e in trace.events] == ["enter"]


def test_a_program_that_fails_is_a_claim_that_does_not_hold() -> None:
    seen = run_experiment(
        Experiment(name="x", title="X", text="x.", program="raise SystemExit('no')", claim="x.", judge=judge_turns)
    )
    assert seen.judgement is not None
    assert not seen.judgement.holds
    assert seen.judgement.observed == "the program ended with status 1: no"


def test_marks_leave_no_trace_in_what_is_shown() -> None:
    assert _program.shown("a = 1  #: x  #2< main: y\nb = 2  # why  #= r: b\n") == "a = 1\nb = 2  # why\n"


def test_chapters_are_written_where_their_modules_look() -> None:
    folder = Path(tour.__file__).parent
    assert {path.stem for path in (folder / "chapters").glob("*.md")} == set(CHAPTERS)
    assert {path.stem.rstrip("_") for path in folder.glob("[a-z]*.py")} == set(CHAPTERS)
