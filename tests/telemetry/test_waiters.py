"""Where waiting threads are counted, and what a look that came too late stands for."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.measuring, pytest.mark.usefixtures("probe")]
_gilprobe = pytest.importorskip("gilscope.telemetry._gilprobe")

WIDTH_S = 1e-3


def sampler() -> Any:
    return _gilprobe.Sampler(
        rate_hz=1000.0, adaptive=False, min_hz=1, max_hz=1, settled_hz=1, budget=1, machine_budget=1, wake_cost_s=0,
        cpus=1, target=0, identify=False, seed=1,
    )  # fmt: skip


def replayed(*looks: tuple[float, bool, int]) -> Any:
    return sampler().replay(looks, WIDTH_S)


@pytest.mark.parametrize(
    ("libc", "byte"),
    [("2.24", None), ("2.25", 36), ("2.36", 36), ("2.40", 36), ("2.41", 28), ("2.43", 28), ("3.0", 28), ("", None)],
)
def test_the_running_libc_says_where_waiters_are_counted(libc: str, byte: int | None) -> None:
    assert _gilprobe.waiters_byte(libc) == byte


def libc_byte() -> int:
    byte = _gilprobe.waiters_from()["byte"]
    if byte is None:
        pytest.skip("the C library does not count waiters where gilscope knows it")
    return int(byte)


def test_one_byte_of_a_condition_variable_counts_its_waiters_and_is_the_one_that_is_read() -> None:
    assert [byte for byte in range(0, 48, 4) if _gilprobe.counts_waiters(byte)] == [libc_byte()]


@pytest.mark.parametrize("byte", range(0, 48, 4))
def test_a_planted_layout_of_another_libc_is_refused(byte: int) -> None:
    refused = _gilprobe.self_check(byte=byte)["waiting"]
    assert bool(refused) == (byte != libc_byte()), refused


def test_a_lone_thread_is_never_seen_waiting() -> None:
    before = {_gilprobe.look()["waiting"] for _ in range(2000)}
    assert before == {0}


@pytest.mark.parametrize("byte", [-4, 48, 30])
def test_what_is_no_number_in_a_condition_variable_is_not_tried(byte: int) -> None:
    with pytest.raises(ValueError, match="condition variable"):
        _gilprobe.counts_waiters(byte)


@pytest.mark.parametrize("first", [True, False])
def test_what_a_late_look_missed_is_shared_with_the_one_before(first: bool) -> None:
    """Nine slots are missed: half of them go to each look, whichever saw the lock held."""
    seen = replayed((0.5e-3, first, int(first)), (11e-3, not first, int(not first)))
    assert seen["late"] == 1
    assert seen["wall_ns"] == pytest.approx(11e6)
    assert seen["held_ns"] == pytest.approx(5.5e6)
    assert seen["waiting_ns"] == pytest.approx(5.5e6)
    assert sum(row[0] for row in seen["timeline"]) == pytest.approx(11e6)


def test_looks_in_time_stand_for_their_slots() -> None:
    seen = replayed((0.9e-3, True, 2), (1.1e-3, False, 0), (2.5e-3, False, 0))
    assert (seen["late"], seen["wall_ns"], seen["held_ns"], seen["waiting_ns"]) == (0, 3e6, 1e6, 2e6)


def test_the_window_is_what_was_asked_for_not_when_the_sampler_got_a_cpu() -> None:
    import time

    watched = sampler()
    watched.start()
    began = time.monotonic_ns()
    time.sleep(0.05)
    ended = time.monotonic_ns()
    watched.stop()
    seen = watched.snapshot()
    assert seen["began_ns"] <= began
    assert seen["wall_ns"] >= 0.999 * (ended - began)
