"""A traced run shows every step of every worker, and one line where there is nothing to show."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.core.errors import MeasurementError
from gilscope.core.spec import Availability
from gilscope.core.trace import Trace, by_group, is_gil
from gilscope.studies import traced
from gilscope.studies.traced import TRACED_EXECUTORS, trace_function
from gilscope.telemetry.gil import probe_availability
from tests.report.traces import imported

CODE = """
import os, time

def work():
    print("on stdout")
    sum(range(1_000_000))  # long enough to be seen with the GIL
    return "result"

def refuse():
    raise ValueError("no\\nluck")

def die():
    os._exit(3)

def hang():
    time.sleep(60)

def lock():
    import threading
    return threading.Lock()
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def run(folder: Path, name: str, *executors: str, workers: int = 2, calls: int = 4, timeout_s: float = 60.0) -> Trace:
    definition = {"target": f"mine.py:{name}", "folder": str(folder), "arguments": "((), {})"}
    text = json.dumps({**definition, "setup": "", "items": "", "check": ""})
    return trace_function(text, name, executors=executors, workers=workers, calls=calls, timeout_s=timeout_s)


def test_threads_and_processes_show_every_step_in_its_order(mine: Path) -> None:
    trace = run(mine, "work", "threads", "processes")
    assert {lane.partition("/")[0] for lane in trace.lanes} == {"threads", "processes"}
    for executor, steps in (
        ("threads", ["start", "import", "unpickle", "barrier", "compute", "compute"]),
        ("processes", ["start", "hand_over", "import", "unpickle", "barrier", "compute", "compute", "send"]),
    ):
        workers = [trace.spans(f"{executor}/worker-{index}") for index in range(2)]
        assert [[event.category for event in spans] for spans in workers] == [steps, steps]
        assert [[e.name for e in spans if e.category == "compute"] for spans in workers] == [
            ["call 0", "call 2"],
            ["call 1", "call 3"],
        ]
        for spans in workers:
            assert all(one.end_ns <= other.start_ns for one, other in itertools.pairwise(spans))
        last_arrival = max(e.start_ns for spans in workers for e in spans if e.category == "barrier")
        first_call = min(e.start_ns for spans in workers for e in spans if e.category == "compute")
        assert last_arrival <= first_call, "nobody begins before all have come"
    answers = [told for told in trace.messages if told.target.endswith("/main")]
    assert len(answers) == 4
    assert [part.start_ns for part in by_group(trace)] == [0, 0], "each run begins at 0"
    if probe_availability().ok:
        assert {event.name for event in trace.events if is_gil(event.lane)} <= {"main", "worker-0", "worker-1"}
        assert "threads/GIL" in trace.lanes


def test_one_executor_has_no_group_and_no_stray_output(mine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    trace = run(mine, "work", "serial", calls=3)
    assert "main" in trace.lanes
    assert [event.name for event in trace.spans("main") if event.category == "compute"] == [
        "call 0",
        "call 1",
        "call 2",
    ]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "executor", "timeout_s", "says"),
    [
        ("refuse", "threads", 60, "ValueError: no"),
        ("die", "processes", 60, "ended without an answer"),
        ("die", "serial", 60, "exit status 3"),
        ("hang", "threads", 1, "not done after 1 s; give it longer with --timeout"),
        ("nothing", "serial", 60, "mine.py has no 'nothing'"),
        ("lock", "processes", 60, "pickle"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(mine: Path, name: str, executor: str, timeout_s: float, says: str) -> None:
    with pytest.raises(MeasurementError, match=says) as caught:
        run(mine, name, executor, workers=1, calls=1, timeout_s=timeout_s)
    assert str(caught.value).startswith(f"{executor}: ")


def test_an_executor_that_is_not_here_is_a_note(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Availability(ok=True)
    missing = Availability(ok=False, reason="no dask", cure="pip install it")
    monkeypatch.setattr(traced, "availability", lambda executor, impl: missing if executor == "dask" else here)
    trace = run(mine, "work", "dask", "serial", calls=1)
    assert "dask: n/a, no dask; pip install it" in trace.notes
    with pytest.raises(MeasurementError, match="no dask"):
        run(mine, "work", "dask")


def test_every_executor_that_can_be_traced_has_a_way() -> None:
    from gilscope.studies.traced import _run

    assert set(_run._WAYS) == set(TRACED_EXECUTORS)


def test_the_command_traces_a_function(mine: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(mine)
    asked = ["mine.py:work", "--executors", "threads", "--workers", "1", "--calls", "2", "--format", "perfetto"]
    assert main(["trace", *asked]) == 0
    slices, problems = imported(capsys.readouterr().out)
    assert {"call 0", "call 1"} <= {name for name, _, _ in slices}
    assert problems == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mine.py:work", "--case", "x"], "--case is for a result"),
        (["mine.py", "--gil-trace"], "--gil-trace is for a function"),
        (["mine.py:work", "--executors", "native"], "unknown executor 'native'"),
        (["mine.py:work", "--workers", "0"], "workers '0' must be between 1 and"),
        (["mine.py:work", "--calls", "many"], "calls 'many' is not a whole number"),
        (["none.py:work"], "no file 'none.py'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(mine)
    assert main(["trace", *arguments]) == 2
    assert says in capsys.readouterr().err
