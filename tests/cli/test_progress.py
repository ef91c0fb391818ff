"""Progress: what is said, and how seldom."""

from __future__ import annotations

import io
import threading

import pytest

from gilscope.cli.progress import LINE_EVERY_S, BarProgress, LineProgress, block_facts, clock_time, preparing_left
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord
from gilscope.measure.events import Observer

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
        public = {name for name in vars(kind) if not name.startswith("_")} - {"shown"}
        assert public == events
