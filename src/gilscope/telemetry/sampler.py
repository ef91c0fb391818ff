"""The native sampler of the GIL at a rate that costs less than one per cent."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from gilscope.env.cpu import allowed_cpus, cgroup_quota_cpus

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import Sampler

# Waking an idle CPU costs its neighbour more than the sampler uses: they may share a core, or a hypervisor. On two
# virtual CPUs 342 samples a second slowed the other one down by 3.7 % over 100 interleaved pairs, which is 109 us per
# sample (selfbench/gil_probe.py observer): at this rate that is 2 %.
_MAX_HZ = 180.0
_START_HZ = _MAX_HZ  # below the budget even if all CPUs turn out to be busy
_MIN_HZ = 20.0
_SETTLED_HZ = 100.0  # once the share is precise enough: for the timeline
FASTEST_HZ = 20_000.0  # beyond, the sampler hardly sleeps
_TARGET = 0.01 / 1.96  # standard error whose 95 % interval is one percentage point to each side

# Keeps both costs below 1 %, with a margin for late measurements: the sampler's CPU time against one CPU and, when all
# CPUs are busy, that and the time taken from the interrupted thread against all of them.
_BUDGET = 0.008
# A sampler that wakes on a busy CPU interrupts a running thread: two switches and cold caches. From the slow-down of
# two busy CPUs: 12 % at 5 kHz, 7 % at 2 kHz, 3 % at 1 kHz are 48-70 us of CPU time per sample.
_WAKE_COST_S = 60e-6


def cpu_capacity() -> float:
    """CPU seconds per second this process may use: its affinity, or less under a cgroup quota."""
    allowed = float(allowed_cpus() or os.cpu_count() or 1)
    return min(allowed, cgroup_quota_cpus() or allowed)


def make_sampler(
    rate_hz: float | None = None,
    *,
    identify: bool,
    keep: int = 0,
    lines: bool = False,
    waits: bool = False,
    process: tuple[int, int, int, int] | None = None,
) -> Sampler:
    """Return the native sampler, not started; unless ``rate_hz`` fixes its rate it costs below one per cent of a CPU.

    Parameters
    ----------
    identify : bool
        Whether to tell holders apart.
    keep : int
        How many holds to keep with their times.
    lines, waits : bool
        Whether to read the stacks of holders, and to ask the system what other threads sleep on.
    process : tuple of int, optional
        Another process: its pid, and where its interpreter is (``telemetry.process``).
    """
    from gilscope.telemetry._gilprobe import Sampler

    return Sampler(
        rate_hz=rate_hz or _START_HZ,
        adaptive=rate_hz is None,
        min_hz=_MIN_HZ,
        max_hz=_MAX_HZ,
        settled_hz=_SETTLED_HZ,
        budget=_BUDGET,
        machine_budget=_BUDGET,
        wake_cost_s=_WAKE_COST_S,
        cpus=cpu_capacity(),
        target=_TARGET,
        identify=identify,
        seed=time.perf_counter_ns() ^ os.getpid(),
        keep=keep,
        lines=lines,
        waits=waits,
        process=process,
    )
