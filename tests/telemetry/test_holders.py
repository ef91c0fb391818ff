"""The exact trace sees the holds that happened, with their times and threads."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import GIL_LANE
from gilscope.telemetry import holders
from gilscope.telemetry.gil import GilMonitor, part_reason
from gilscope.telemetry.holders import GilTrace, events_of, trace_availability

AVAILABLE = trace_availability()
needs_trace = pytest.mark.skipif(not AVAILABLE.ok, reason=f"no exact GIL trace here: {AVAILABLE.reason}")


def duty(hold_s: float, release_s: float, total_s: float) -> int:
    """Hold and release the GIL in C; return how long it was held, in ns."""
    from gilscope.telemetry import _gilprobe

    held_ns, _, _ = _gilprobe.duty(hold_s, release_s, total_s)
    return held_ns


@pytest.mark.measuring
@needs_trace
def test_a_known_hold_is_seen_as_long_as_it_was() -> None:
    truth: list[int] = []
    worker = threading.Thread(target=lambda: truth.append(duty(0.01, 0.005, 0.09)), name="holder")
    before = clocks.wall_ns()
    with GilTrace() as trace:
        worker.start()
        worker.join()
    after = clocks.wall_ns()
    seen = sum(event.end_ns - event.start_ns for event in trace.events if event.name == "holder")
    # Each of the six holds may be off by what the looking thread could not see.
    assert abs(seen - truth[0]) <= trace.blind_ns + 0.1 * truth[0]
    assert all(before <= event.start_ns <= event.end_ns <= after for event in trace.events)
    assert "unseen" in trace.notes[0]


@pytest.mark.measuring
@needs_trace
def test_holds_follow_each_other_and_never_overlap() -> None:
    def spin() -> None:
        end = time.perf_counter() + 0.03
        while time.perf_counter() < end:
            pass

    threads = [threading.Thread(target=spin, name=f"spin-{index}") for index in range(2)]
    with GilTrace() as trace:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {event.lane for event in trace.events} == {GIL_LANE}
    assert all(one.end_ns <= other.start_ns for one, other in itertools.pairwise(trace.events))
    assert len(trace.events) >= 2


@pytest.mark.measuring
@needs_trace
def test_the_sampler_keeps_holds_where_a_timeline_is_wanted() -> None:
    worker = threading.Thread(target=lambda: duty(0.02, 0.01, 0.09), name="holder")
    with GilMonitor(2000, keep_holds=100) as monitor:
        worker.start()
        worker.join()
    kept = [event for event in monitor.holds_kept if event.name == "holder"]
    assert kept
    assert all(one.end_ns <= other.start_ns for one, other in itertools.pairwise(monitor.holds_kept))


@pytest.mark.measuring
@needs_trace
def test_no_holds_are_kept_unasked() -> None:
    with GilMonitor(2000) as monitor:
        duty(0.005, 0.005, 0.02)
    assert monitor.holds_kept == ()


def test_one_cpu_is_too_few_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "1")
    available = trace_availability()
    assert not available.ok
    if AVAILABLE.ok:
        assert "only one" in available.reason


def test_where_the_probe_is_missing_it_cannot_be_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "trace_availability", lambda: Availability(ok=False, reason="not here"))
    with pytest.raises(UnavailableError, match="not here"), GilTrace():
        pass


def test_holders_are_named_as_far_as_known() -> None:
    events = events_of([(7, 0, 1), (8, 1, 2), (0, 2, 3)], {7: "worker-0"})
    assert [event.name for event in events] == ["worker-0", "thread 8", "another thread"]


def test_parts_of_the_probe_give_their_reasons() -> None:
    assert isinstance(part_reason("held"), str)
    with pytest.raises(KeyError):
        part_reason("nonsense")
