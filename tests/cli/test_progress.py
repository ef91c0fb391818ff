"""Progress: what is said, and how seldom; the first answer: once, when it is due, with the words that it may change."""

from __future__ import annotations

import dataclasses
import io
import threading
from pathlib import Path

import pytest

from gilscope.cli.profile import _verdict_so_far
from gilscope.cli.progress import (
    LINE_EVERY_S,
    BarProgress,
    LineProgress,
    Provisional,
    block_facts,
    clock_time,
    held_back,
    preparing_left,
)
from gilscope.core.cases import Case, Study
from gilscope.core.errors import UsageError
from gilscope.core.records import CaseRecord
from gilscope.core.spec import Work
from gilscope.measure.events import Observer
from gilscope.results import ResultWriter
from tests.analysis.rounds import ideal, study

CASE = Case.parse("nbody/cy_nogil@threads*2#M")


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_lines_come_at_most_every_few_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = LineProgress(stream, budget_s=60.0, clock=clock)
    for block in range(20):
        lines.block_done("nbody", block, 0.04, 1.0, 59.0, 0.9)
        clock.now_s += LINE_EVERY_S / 2
    assert len(stream.getvalue().splitlines()) == 10


def test_of_a_refused_request_no_progress_is_shown() -> None:
    stream = io.StringIO()

    def refused() -> None:
        with held_back(LineProgress(stream, budget_s=60.0), "calls f()") as observer:
            observer.preparing(CASE, 0, 1)
            raise UsageError("there is no f")

    with pytest.raises(UsageError):
        refused()
    assert stream.getvalue() == ""


def test_what_was_held_back_is_shown_in_its_order() -> None:
    stream = io.StringIO()
    with held_back(LineProgress(stream, budget_s=60.0), "calls f()") as observer:
        observer.preparing(CASE, 0, 1)
        assert stream.getvalue() == ""
        observer.block_done("nbody", 3, 0.0412, 18.0, 42.0, 17.0)
        assert stream.getvalue().splitlines() == ["calls f()", f"preparing 1/1 {CASE.id}, then up to 1:00 of measuring"]
        observer.message("late")
    assert stream.getvalue().splitlines()[2:] == ["late"]


def test_who_waits_long_for_an_import_sees_what_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilscope.cli.progress.PATIENCE_S", 0.01)
    shown = threading.Event()

    class Seen(Observer):
        def message(self, text: str) -> None:
            shown.set()

    with held_back(Seen(), "calls f()"):
        assert shown.wait(30.0)


def test_a_line_says_phase_blocks_width_and_time_left() -> None:
    stream = io.StringIO()
    lines = LineProgress(stream, budget_s=60.0, clock=Clock())
    lines.block_done("nbody", 3, 0.0412, 18.0, 42.0, 17.0)
    assert stream.getvalue() == "measuring nbody: 3 blocks, widest interval ±4.1 %, 0:42 left\n"


def test_preparing_extrapolates_from_what_is_done() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = LineProgress(stream, budget_s=60.0, clock=clock)
    clock.now_s += 10.0
    lines.preparing(CASE, 2, 6)
    assert stream.getvalue() == "preparing 3/6 nbody/cy_nogil@threads*2#M, about 1:20 left\n"


def test_trouble_is_said_at_once_and_what_is_merely_missing_is_not() -> None:
    stream = io.StringIO()
    lines = LineProgress(stream, budget_s=60.0, clock=Clock())
    lines.prepared(CaseRecord(case=CASE))
    lines.prepared(CaseRecord(case=CASE, status="unavailable", reason="no numba"))
    lines.prepared(CaseRecord(case=CASE, status="wrong_result", reason="body 3\nis off"))
    lines.prepared(CaseRecord(case=CASE, status="failed", reason="killed by signal 11"))
    assert stream.getvalue().splitlines() == [
        "nbody/cy_nogil@threads*2#M: wrong result: body 3 is off",
        "nbody/cy_nogil@threads*2#M: failed: killed by signal 11",
    ]


def test_the_bar_starts_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with BarProgress.shown(60.0) as bar:
        bar.preparing(CASE, 0, 3)
        bar.block_done("nbody", 1, None, 5.0, 55.0, 4.0)
        bar.message("half-way")
        assert threading.active_count() == before
    assert "half-way" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (-3.0, "0:00"), (59.6, "1:00"), (125.0, "2:05")])
def test_time_left_reads_as_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text


def test_too_few_blocks_have_no_width() -> None:
    assert block_facts("nbody", 1, None) == "nbody: 1 block"
    assert block_facts("nbody", 2, float("inf")) == "nbody: 2 blocks"


def test_before_the_first_case_only_the_budget_is_known() -> None:
    assert preparing_left(0.0, 0, 9, 60.0) == "then up to 1:00 of measuring"


def test_observers_override_only_what_the_protocol_has() -> None:
    events = {name for name in vars(Observer) if not name.startswith("_")}
    for kind in (LineProgress, BarProgress):
        own = kind.__mro__[: kind.__mro__.index(Observer)]
        public = {name for base in own for name in vars(base) if not name.startswith("_")} - {"shown"}
        assert public == events


# The first answer -----------------------------------------------------------------------------------------------------


class Watcher(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.blocks: list[int] = []

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self.blocks.append(blocks)

    def message(self, text: str) -> None:
        self.messages.append(text)


def _after(seconds: list[float], *, left_s: float = 15.0, first_block: int = 1) -> Watcher:
    """Let blocks end at these seconds."""
    watcher, now = Watcher(), [0.0]
    watched = Provisional(watcher, lambda path: f"{path} says.", Path("r"), clock=lambda: now[0])
    for number, now[0] in enumerate(seconds, start=first_block):
        watched.block_done("mod:f", number, None, now[0], left_s, now[0])
    assert watcher.blocks == list(range(first_block, first_block + len(seconds)))
    return watcher


def test_it_is_said_once_when_ten_seconds_are_over() -> None:
    assert _after([4.0, 8.0, 12.0, 16.0]).messages == [
        "so far, after 12 s and 3 blocks: r says. This may still change: measuring goes on for up to 15 s."
    ]


def test_one_block_is_no_answer() -> None:
    assert _after([11.0]).messages == []
    assert len(_after([11.0, 22.0]).messages) == 1


def test_shortly_before_the_end_nothing_is_said_twice() -> None:
    assert _after([5.0, 12.0], left_s=1.0).messages == []


def test_the_answer_is_the_verdict_on_the_file_so_far(tmp_path: Path) -> None:
    made = study("mod:f/f@threads*2#8", ideal(2), blocks=4)
    asked = Study(kernels=("mod:f",), implementations=("f",), executors=("threads",), workers=(2,), functions=("f",))
    with ResultWriter(tmp_path / "result.jsonl", asked, made.environment, "1") as writer:
        for record in made.cases.values():
            writer.case(dataclasses.replace(record, work=Work(units=8, unit="tasks")))
        for block in made.blocks:
            writer.block(block)
        said = _verdict_so_far(tmp_path / "result.jsonl")
    assert said.startswith("f: best with 2 threads, 2.00x")
