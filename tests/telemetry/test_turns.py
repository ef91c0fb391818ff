"""The turns of one thread at the GIL are those that it took; and what handing the GIL over costs."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict

import pytest

from gilscope.analysis.predict.turns import TracedRound
from gilscope.core.spec import Availability
from gilscope.core.typed import read
from gilscope.telemetry import hand_off, turns
from gilscope.telemetry.hand_off import hand_off_prices
from gilscope.telemetry.holders import trace_availability
from gilscope.telemetry.turns import Turns, sliced, traced_turns

AVAILABLE = trace_availability()
needs_trace = pytest.mark.skipif(not AVAILABLE.ok, reason=f"no exact GIL trace here: {AVAILABLE.reason}")
ATTEMPTS = 20  # the tracing thread needs a CPU of its own all the time


def taking_turns(hold_s: float, free_s: float, count: int) -> float:
    """Hold the GIL and sleep in turn; return the share of the time it was held, as the holder's clock has it."""
    from gilscope.telemetry._gilprobe import duty

    held_ns, began = 0, time.perf_counter_ns()
    for _ in range(count):
        held_ns += duty(hold_s, 0.0, hold_s)[0]
        time.sleep(free_s)
    return held_ns / (time.perf_counter_ns() - began)


@pytest.mark.measuring
@needs_trace
def test_known_turns_are_counted_and_their_share_is_right() -> None:
    for _ in range(ATTEMPTS):
        known, found = traced_turns(lambda: taking_turns(0.002, 0.004, 40))
        if isinstance(found, Turns):
            break
    else:
        pytest.skip(f"never in {ATTEMPTS} attempts: {found}")
    assert found.holds == pytest.approx(40, abs=8)
    assert found.held == pytest.approx(known, rel=0.2)
    assert read(TracedRound, asdict(found)).sound


def test_where_nothing_can_be_traced_the_work_is_done_and_the_reason_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "trace_availability", lambda: Availability(ok=False, reason="only one CPU"))
    assert traced_turns(lambda: 3) == (3, "only one CPU")


def test_slices_are_means_over_the_mean() -> None:
    assert sliced([3, 1]) == (0.5, 1.5)
    assert sum(sliced(list(range(1, 1000)))) / 16 == pytest.approx(1.0, abs=0.01)
    assert sliced([0, 0]) == (1.0,)


def test_without_a_gil_there_is_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_off, "probe_availability", lambda: Availability(ok=False, reason="no GIL"))
    assert hand_off_prices() == ()


@pytest.mark.measuring
@needs_trace
def test_prices_are_measured_for_few_and_many_and_leave_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_off, "_CELLS", ((20e-6, 3), (200e-6, 20)))
    before = threading.active_count()
    few, many = hand_off_prices()
    assert (few.waiting, many.waiting) == (3, 20)
    assert 0 <= few.low_s <= few.value_s <= few.high_s < 1.0
    assert threading.active_count() == before
