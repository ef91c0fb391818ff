"""How long a thread that wakes up waits for the GIL: ratios to holds of known length, never durations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gilscope.telemetry.latency as latency_module
from gilscope.stats import Estimate
from gilscope.stats.quantiles import values_needed
from gilscope.telemetry.gil import GilMonitor
from gilscope.telemetry.latency import Heartbeat, Latency, without_heartbeat
from tests.report.gil.test_text import seen

pytest.importorskip("gilscope.telemetry._heartbeat")

BEATS_HZ = 200.0


def beside(hold_s: float, release_s: float, total_s: float) -> tuple[Latency, float, float]:
    """Measure beside C code that holds the GIL for known times; return its mean hold and the share it held."""
    from gilscope.telemetry._gilprobe import duty

    heartbeat = Heartbeat(BEATS_HZ)
    heartbeat.start()
    held_ns, wall_ns, cycles = duty(hold_s, release_s, total_s)
    heartbeat.stop()
    return heartbeat.latency, held_ns / cycles * 1e-9, held_ns / wall_ns


def overlap(estimate: Estimate | None, expected: float, slack: float) -> bool:
    assert estimate is not None
    return estimate.low - slack <= expected <= estimate.high + slack


@pytest.mark.measuring
@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize(
    ("hold_s", "release_s"),
    [pytest.param(0.02, 0.005, id="below a slot"), pytest.param(0.3, 0.05, id="over many slots")],
)
def test_the_distribution_follows_from_the_holds(hold_s: float, release_s: float) -> None:
    """At a random moment it is held with the share p, then for another uniform(0, H): P(wait > w) = p (1 - w / H)."""
    latency, hold, share = beside(hold_s, release_s, 2.5)
    assert latency.reason == ""
    assert latency.samples > values_needed(0.99)
    for estimate, q in ((latency.median_s, 0.5), (latency.p95_s, 0.95)):
        # a tenth of a hold: on busy CPUs holds differ, and whoever got the GIL does not run at once
        assert overlap(estimate, hold * (1.0 - (1.0 - q) / share), 0.1 * hold), (latency, hold, share)


@pytest.mark.measuring
@pytest.mark.usefixtures("probe")
def test_beside_nothing_there_is_hardly_a_wait() -> None:
    heartbeat = Heartbeat(BEATS_HZ)
    heartbeat.start()
    time.sleep(1.0)
    heartbeat.stop()
    busy, _, _ = beside(0.02, 0.002, 1.0)
    alone = heartbeat.latency
    assert alone.median_s is not None
    assert busy.median_s is not None
    assert alone.median_s.value < 0.05 * busy.median_s.value


@pytest.mark.measuring
@pytest.mark.usefixtures("probe")
def test_the_heartbeat_is_not_one_of_the_threads_that_wait() -> None:
    """One thread that computes: nobody but the heartbeat ever waits, for about a switch interval 20 times a second."""
    with GilMonitor(2000.0, latency=True) as gil:
        end = time.perf_counter() + 1.5
        while time.perf_counter() < end:
            pass
    if gil.waiting is None:
        pytest.skip(gil.waiting_reason)
    assert gil._heartbeat is not None
    own = gil._heartbeat.waiting
    assert own > 0.02
    assert gil.waiting.value < 0.5 * own
    assert gil.latency is not None
    assert gil.latency.samples > values_needed(0.5)


def test_a_reading_without_the_heartbeat_has_the_other_threads_only() -> None:
    reading = seen(0.9, waiting=0.6).reading
    assert reading is not None
    assert reading.waiting is not None
    mine = without_heartbeat(replace(reading, contended=0.55), 0.1)
    assert mine.waiting is not None
    assert mine.waiting.value == pytest.approx(0.5)
    assert mine.contended == pytest.approx(0.5)  # 0.45 = 0.5 x 0.9 without anybody
    alone = without_heartbeat(
        replace(reading, contended=0.1, waiting=replace(reading.waiting, value=0.1, low=0.09)), 0.1
    )
    assert alone.waiting is not None
    assert (alone.waiting.low, alone.waiting.value, alone.contended) == (0.0, pytest.approx(0.0), pytest.approx(0.0))
    unknown = replace(reading, waiting=None)
    assert without_heartbeat(unknown, 0.1) is unknown


def test_too_few_wake_ups_are_no_quantile_but_a_reason() -> None:
    heartbeat = Heartbeat(5.0)
    heartbeat.start()
    heartbeat.stop()
    latency = heartbeat.latency
    assert (latency.median_s, latency.p95_s, latency.p99_s) == (None, None, None)
    if latency.reason.startswith("no GIL"):
        pytest.skip(latency.reason)
    assert latency.reason == (
        "the median needs 6 wake-ups, 1.2 s, p95 needs 72 wake-ups, 14.4 s, p99 needs 368 wake-ups, 73.6 s"
    )


def test_without_a_gil_there_is_a_reason_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_module, "gil_enabled", lambda: False)
    heartbeat = Heartbeat()
    heartbeat.start()
    heartbeat.stop()
    assert heartbeat.latency.median_s is None
    assert heartbeat.latency.reason == "no GIL: a thread that wakes up does not wait for one"
    assert heartbeat.waiting == 0.0


def test_what_was_not_asked_for_is_none() -> None:
    with GilMonitor() as gil:
        pass
    assert gil.latency is None
    assert gil.to_dict()["latency"] is None


ENDS = """
import os, threading, time
from gilscope.telemetry.gil import GilMonitor
before = threading.active_count()
with GilMonitor(latency=True) as gil:
    time.sleep(0.1)
    assert threading.active_count() == before
    {inside}
print("ended", os.getpid() == {parent})
"""


@pytest.mark.parametrize("inside", ["pass", "os.fork() and os.wait()" if hasattr(os, "fork") else "pass"])
def test_programs_that_measure_it_end(inside: str) -> None:
    text = ENDS.format(inside=inside, parent="os.getpid()")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert set(done.stdout.split("\n")) == {"ended True", ""}


def test_the_command_reports_it(tmp_path: Path) -> None:
    script, out = tmp_path / "sleeper.py", tmp_path / "gil.json"
    script.write_text("import time; time.sleep(0.8)")
    command = [sys.executable, "-m", "gilscope", "gil", "--latency", "--out", str(out), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("latency ")]
    latency = json.loads(out.read_text())["gil"]["latency"]
    assert set(latency) == {"median_s", "p95_s", "p99_s", "samples", "switch_interval_s", "reason"}
    assert ("n/a: no GIL" in line) == (latency["samples"] == 0)
