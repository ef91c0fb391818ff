"""How injected faults are judged, beside other programs too."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pages import checked

from benchmarks.selfbench import faults, noise, quota, unexplained
from benchmarks.selfbench.faults import FAULTS, Fault, judge, line, recovered
from gilscope.core import cgroups

ASLEEP = FAULTS["asleep a quarter of the time"]


def row(found: float, *findings: str, wall_s: float = 1.0, part: str = "blocked") -> dict[str, Any]:
    losses = dict.fromkeys(("gil_wait", "run_queue", "dispatch", "imbalance", "blocked", "inflation"))
    losses[part] = {"value": found}
    return {"losses": losses, "findings": list(findings), "blocks": 9, "wall_s": {"value": wall_s}, "status": "ok"}


def verdict(found: float, *findings: str) -> str:
    return judge("it", ASLEEP, {ASLEEP.case: row(found, *findings)}).verdict


def test_a_fault_is_recovered_within_a_tenth_and_by_its_name():
    assert verdict(0.226, "lock_bound") == verdict(0.274, "lock_bound") == "yes"
    assert verdict(0.22, "lock_bound") == verdict(0.28, "lock_bound") == "no"
    assert verdict(0.25, "imbalance") == verdict(0.25) == "no"


def test_a_small_fault_is_recovered_within_two_points():
    small = Fault(words=(), case="k", losses=("blocked",), truth=0.05, findings=("lock_bound",))
    assert judge("it", small, {"k": row(0.069, "lock_bound")}).verdict == "yes"
    assert judge("it", small, {"k": row(0.071, "lock_bound")}).verdict == "no"


def test_with_a_twin_the_truth_is_the_time_it_does_not_take():
    fault = Fault(words=(), case="a", twin="b", losses=("blocked",), truth=None, findings=("lock_bound",))
    found = judge("it", fault, {"a": row(0.55, "lock_bound"), "b": row(0.1, wall_s=0.5)})
    assert (found.true, found.found, found.verdict) == (0.5, 0.5, "yes")


def test_a_case_that_failed_is_not_recovered_and_says_why():
    failed = {ASLEEP.case: {"losses": None, "status": "failed", "reason": "it broke", "findings": []}}
    found = judge("it", ASLEEP, failed)
    assert (found.verdict, found.reason) == ("no", "failed: it broke")
    assert "it broke" in line(asdict(found))


def test_without_a_cgroup_the_quota_is_not_applicable_with_the_reason(monkeypatch):
    monkeypatch.setattr(cgroups, "groups", lambda root: iter(()))
    monkeypatch.setattr(faults, "_confining", lambda cpus: "")
    found = recovered("a cgroup quota of 1 CPU", "1")
    assert (found.verdict, found.reason) == ("n/a", "no cgroup controls the CPU time of this process")


def test_without_cpus_enough_a_fault_is_not_applicable_with_the_reason(monkeypatch):
    monkeypatch.setattr(faults.os, "sched_getaffinity", lambda pid: {3})
    found = recovered("counters packed", "1")
    assert (found.verdict, found.reason) == ("n/a", "needs 2 CPUs")


@pytest.mark.parametrize(
    ("version", "files"),
    [(2, {"cpu.max": "30000 20000"}), (1, {"cpu.cfs_quota_us": "30000", "cpu.cfs_period_us": "20000"})],
)
def test_a_quota_is_written_as_the_kernel_reads_it(tmp_path, monkeypatch, version, files):
    monkeypatch.setattr(cgroups, "groups", lambda root: iter([(str(tmp_path), version)]))
    monkeypatch.setattr(Path, "rmdir", lambda path: None)  # the kernel's own files go with the group
    with quota.limited_cpus(1.5) as members:
        assert {path.name: path.read_text() for path in members.parent.iterdir()} == files


def test_a_cause_nobody_planted_is_wrong_and_noise_is_not():
    busy = noise.judge("it", ASLEEP, row(0.25, "too_noisy", "lock_bound"))
    assert (busy.given, busy.wrong) == (True, ())
    flipped = noise.judge("it", ASLEEP, row(0.25, "imbalance", "stolen"))
    assert (flipped.given, flipped.wrong) == (False, ("imbalance",))


def test_what_is_left_over_counts_only_beyond_its_interval():
    def estimate(value: float, low: float, high: float) -> dict[str, float]:
        return {"value": value, "low": low, "high": high}

    losses = {"blocked": estimate(0.05, 0.04, 0.06), "residual": estimate(-0.01, -0.02, 0.0), "omp_idle": None}
    assert unexplained.left_over(losses) == (pytest.approx(0.06), pytest.approx(0.04))
    assert unexplained.line({"case": "k", "losses": losses})[1]
    losses["blocked"] = estimate(0.05, 0.0, 0.06)
    assert not unexplained.line({"case": "k", "losses": losses})[1]


def test_kept_figures_become_tables(tmp_path, monkeypatch):
    cell = {"error": -0.01, "within_two_standard_errors": True}
    probed = {
        "interpreter": "CPython 3.12.1",
        "held_fixed": [cell, {**cell, "error": 0.002}],
        "held_adaptive": [cell, {**cell, "within_two_standard_errors": False}],
        "gilknocker_errors": [0.2, 0.4],
        "waiting": [{"threads": 4, "doing": "spin", "expected": 3.0, "waiting": 2.95}],
        "observer": [
            {
                "load": "x",
                "where": "attached",
                "pairs": 9,
                "rate_hz": 250.0,
                "own_cpu": 0.005,
                "ratio": 1.0,
                "low": 0.99,
                "high": 1.01,
            }
        ],
    }
    (tmp_path / "gil_probe_3.12.json").write_text(json.dumps(probed))
    monkeypatch.setattr(checked, "EXAMPLES", tmp_path)
    assert "| CPython 3.12.1 | 0.0060 | 0.0100 | 1 of 2 | 0.300 | 0.400 |" in checked.held()
    assert "| CPython 3.12.1 | 4 x spin | 3 | 2.950 |" in checked.waiting()
    assert "| CPython 3.12.1 | x | attached | 9 | 250 | 1.0000 [0.9900, 1.0100] | 0.50% |" in checked.observer()


@pytest.mark.measuring
@pytest.mark.slow
def test_beside_a_background_load_no_wrong_cause_is_named():
    """One run of what holds the GIL all the time and of what shares nothing, both while another program computes."""
    held, sound = FAULTS["GIL held by byte code"], noise._SOUND
    both = Fault(
        words=("fault_byte_code", "fault_plain", "--executors", "threads"), case="", losses=(), truth=0.0, findings=()
    )
    with noise.background_load(1):
        rows = faults.measure(both, "5")
    for fault in (held, sound):
        assert noise.judge(fault.case, fault, rows[fault.case]).wrong == ()
