"""The probe on the real lock: shares against a thread that keeps its own clock, orders and ratios, never durations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import gilscope.telemetry.gil as gil_module
from gilscope.core.errors import MeasurementError, UnavailableError, UsageError
from gilscope.telemetry.free_threading import GilState
from gilscope.telemetry.gil import GilMonitor, probe_availability

pytestmark = [pytest.mark.measuring, pytest.mark.usefixtures("probe")]
_gilprobe = pytest.importorskip("gilscope.telemetry._gilprobe")

RATE_HZ = 2000.0
C_HOLD_S = 0.1  # so long that the other thread gets a CPU meanwhile, and asks, on a crowded machine too


def spin(stop: threading.Event) -> None:
    n = 0
    while not stop.is_set():
        n += 1


def doze(stop: threading.Event) -> None:
    while not stop.is_set():
        time.sleep(0.001)  # not stop.wait: locks of free-threaded builds spin first, with the GIL held where it is on


def hog(stop: threading.Event) -> None:
    while not stop.is_set():
        _gilprobe.duty(C_HOLD_S, 0.0, C_HOLD_S)


@pytest.mark.skipif(
    sys.platform != "linux" or sys.implementation.name != "cpython", reason="the full probe needs CPython on Linux"
)
def test_every_part_of_the_probe_passes_its_self_check_on_linux() -> None:
    found = _gilprobe.self_check()
    if found["waiting"].startswith("the number of waiting threads is known with glibc"):
        found["waiting"] = found["overdue"] = ""
    assert found == {"held": "", "waiting": "", "threads": "", "overdue": ""}


@pytest.mark.parametrize("skew", [4, 8, 16, 32, 64, 128])
def test_a_build_for_another_layout_is_refused(skew: int) -> None:
    assert "self-check failed" in _gilprobe.self_check(skew)["held"]


def test_a_look_while_holding_the_lock_sees_it_held() -> None:
    assert _gilprobe.look()["locked"]


@pytest.mark.parametrize(
    ("hold_s", "release_s"), [(1e-5, 9e-5), (1e-5, 1e-5), (9e-5, 1e-5), (0.001, 0.001), (0.001, 0.003)]
)
def test_held_share_agrees_with_a_thread_that_knows(hold_s: float, release_s: float) -> None:
    with GilMonitor(RATE_HZ) as gil:
        held_ns, wall_ns, _ = _gilprobe.duty(hold_s, release_s, 0.3)
    assert gil.held.value == pytest.approx(held_ns / wall_ns, abs=max(0.1, 2.0 * (gil.held.high - gil.held.low)))


def test_held_share_is_near_its_ends_for_a_lock_never_and_always_held() -> None:
    with GilMonitor(RATE_HZ) as never:
        time.sleep(0.1)
    with GilMonitor(RATE_HZ) as always:
        _gilprobe.duty(0.1, 0.0, 0.1)
    assert never.held.value < 0.2
    assert always.held.value > 0.8


def test_the_sampler_looks_while_somebody_else_holds_the_lock_throughout() -> None:
    with GilMonitor(RATE_HZ) as gil:
        _gilprobe.duty(0.2, 0.0, 0.2)
    assert gil.samples > 20  # a sampler that took the lock could look before and after only


def test_spinning_threads_wait_and_sleeping_threads_do_not(crew: Any) -> None:
    with crew(spin, spin, spin), GilMonitor(RATE_HZ) as spinning:
        time.sleep(0.4)
    with crew(doze, doze, doze), GilMonitor(RATE_HZ) as sleeping:
        time.sleep(0.4)
    if spinning.waiting is None or sleeping.waiting is None:
        pytest.skip(spinning.waiting_reason)
    assert 0.5 < spinning.waiting.value < 3.2  # about 2; less on crowded CPUs, where threads wait for those instead
    assert sleeping.waiting.value < 0.2 * spinning.waiting.value
    assert spinning.held.value > sleeping.held.value


def test_the_lock_is_handed_over_between_spinning_threads_only(crew: Any) -> None:
    with GilMonitor(RATE_HZ) as alone:
        deadline = time.perf_counter() + 0.2
        while time.perf_counter() < deadline:
            pass
    with crew(spin, spin), GilMonitor(RATE_HZ) as shared:
        time.sleep(0.2)
    assert shared.handovers > 5 * max(1, alone.handovers)
    assert shared.handovers_per_s > 0


def test_threads_are_told_apart_by_name_even_when_they_have_ended() -> None:
    with GilMonitor(RATE_HZ) as gil:
        thread = threading.Thread(target=_gilprobe.duty, args=(0.15, 0.0, 0.15), name="the one that held it")
        thread.start()
        thread.join()
    if not gil.threads:
        pytest.skip(gil.threads_reason)
    assert gil.threads[0].name == "the one that held it"
    assert gil.threads[0].held.value > 0.5
    assert gil.reading.unattributed < 0.2


def test_long_holds_by_c_code_are_overdue_and_byte_code_is_not(crew: Any) -> None:
    for seconds in (0.5, 1.0, 2.0, 4.0):  # on a crowded machine a short window has hardly a look
        with crew(spin, spin), GilMonitor(RATE_HZ) as byte_code:
            time.sleep(seconds)
        with crew(hog, hog), GilMonitor(RATE_HZ) as c_code:
            time.sleep(1.6 * seconds)
        if c_code.holds.overdue is None or byte_code.holds.overdue is None:
            pytest.skip(c_code.overdue_reason)
        if c_code.holds.overdue.low > byte_code.holds.overdue.high:
            return
    pytest.fail(f"{c_code.holds.overdue} is not above {byte_code.holds.overdue}")


def test_a_fixed_rate_is_not_exceeded_and_one_look_stands_for_each_interval() -> None:
    with GilMonitor(500.0) as gil:
        time.sleep(0.3)
    assert gil.rate_hz <= 500.0 * 1.01
    assert gil.interval_s == pytest.approx(1.0 / gil.rate_hz)
    assert gil.reading.window_s == pytest.approx(gil.samples * gil.interval_s)


def test_the_adaptive_rate_is_lower_when_no_cpu_is_to_spare() -> None:
    def rate_hz(cpus: float) -> float:
        sampler = _gilprobe.Sampler(
            rate_hz=250.0, adaptive=True, min_hz=20.0, max_hz=5000.0, settled_hz=5000.0, budget=0.01,
            machine_budget=0.01, wake_cost_s=1e-3, cpus=cpus, target=0.0, identify=False, seed=1,
        )  # fmt: skip
        sampler.start()
        deadline = time.process_time() + 0.4
        while time.process_time() < deadline:
            pass
        sampler.stop()
        return float(sampler.snapshot()["rate_hz"])

    # One usable CPU, busy, and a wake-up of 1 ms: 1 % is at most 10 looks per second, the lowest rate then.
    assert rate_hz(1.0) == 20.0
    assert rate_hz(1000.0) > 20.0


def test_the_timeline_adds_up_to_the_whole() -> None:
    with GilMonitor(RATE_HZ) as gil:
        _gilprobe.duty(0.1, 0.0, 0.1)
        time.sleep(0.1)
    line = gil.timeline
    known = [share for share in line.held if share is not None]
    assert len(line.held) == len(line.waiting) == len(line.handovers_per_s)
    assert line.bin_s * len(line.held) >= gil.reading.window_s - line.bin_s
    assert sum(known[: len(known) // 3]) > sum(known[-(len(known) // 3) :])  # held first, free later


def test_a_long_timeline_keeps_its_size() -> None:
    sampler = _gilprobe.Sampler(
        rate_hz=20.0, adaptive=False, min_hz=1, max_hz=1, settled_hz=1, budget=1, machine_budget=1,
        wake_cost_s=0, cpus=1, target=0, identify=False, seed=1,
    )  # fmt: skip
    sampler.start()
    time.sleep(2.7)  # beyond 512 bins of 5 ms
    sampler.stop()
    found = sampler.snapshot()
    assert found["bin_ns"] == 10_000_000
    assert sum(row[4] for row in found["timeline"]) == found["samples"]
    assert sum(row[0] for row in found["timeline"]) == pytest.approx(found["wall_ns"])


def test_it_can_be_read_while_it_measures_and_does_not_change_afterwards() -> None:
    with GilMonitor(RATE_HZ) as gil:
        time.sleep(0.1)
        first = gil.samples
        time.sleep(0.1)
    assert 0 < first < gil.samples
    last = gil.to_dict()
    time.sleep(0.05)
    assert gil.to_dict() == last
    assert json.loads(json.dumps(last))["held"]["n"] == gil.samples


def test_monitors_may_overlap() -> None:
    with GilMonitor(RATE_HZ) as outer:
        with GilMonitor(RATE_HZ) as inner:
            _gilprobe.duty(0.1, 0.0, 0.1)
        time.sleep(0.2)
    assert inner.held.value > outer.held.value


def test_a_monitor_measures_once() -> None:
    with GilMonitor() as gil:
        pass
    with pytest.raises(MeasurementError, match="make another one"), gil:
        pass


def test_before_it_begins_there_is_nothing_to_read() -> None:
    gil = GilMonitor()
    assert not gil.available
    with pytest.raises(UnavailableError, match="has not begun"):
        _ = gil.held


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_senseless_rates_are_refused(rate_hz: float) -> None:
    with pytest.raises(UsageError, match="looks per second"):
        GilMonitor(rate_hz)


def test_a_window_without_a_look_says_so() -> None:
    with GilMonitor(0.01) as gil:
        pass
    with pytest.raises(MeasurementError, match="measure longer"):
        _ = gil.held
    assert gil.to_dict()["available"] is False


def test_where_the_check_fails_it_is_unavailable_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "self-check failed: the GIL was held and looked free"
    monkeypatch.setattr(
        gil_module, "_checked", dict.fromkeys(("held", "waiting", "threads", "overdue", "lines"), reason)
    )
    assert probe_availability().reason == reason
    with GilMonitor() as gil:
        pass
    assert (gil.available, gil.reason) == (False, reason)
    assert gil.to_dict()["reason"] == reason
    with pytest.raises(UnavailableError, match="looked free"):
        _ = gil.held


def test_without_a_gil_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gil_module, "gil_enabled", lambda: False)
    monkeypatch.setattr(gil_module, "gil_state", lambda: GilState(enabled=False, free_threaded_build=True))
    with GilMonitor() as gil:
        pass
    assert gil.reason == "no GIL: this interpreter runs threads in parallel"


FORK = """
import os, time
from gilscope.telemetry.free_threading import GilState
from gilscope.telemetry.gil import GilMonitor
with GilMonitor(2000.0) as gil:
    time.sleep(0.05)
    child = os.fork()
status = 0 if child == 0 else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
gil.held
os._exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_leaves_the_block_without_waiting_for_a_thread_it_does_not_have() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], timeout=60, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_interpreter_exit_in_the_middle_of_a_measurement_is_clean() -> None:
    code = "from gilscope.telemetry.gil import GilMonitor; g = GilMonitor(2000.0); g.__enter__(); print('out')"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"out", b"")


def test_duty_holds_more_when_told_to_hold_more() -> None:
    shares = []
    for hold_s in (1e-4, 1e-3, 1e-2):
        held_ns, wall_ns, cycles = _gilprobe.duty(hold_s, 1e-3, 0.05)
        assert 0 < held_ns < wall_ns
        assert cycles >= 1
        shares.append(held_ns / wall_ns)
    assert shares == sorted(shares)


@pytest.mark.parametrize("times", [(-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_duty_refuses_senseless_times(times: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        _gilprobe.duty(*times)
