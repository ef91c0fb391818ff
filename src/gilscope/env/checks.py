"""What about this machine could spoil a measurement: one small class per question.

A check reads, compares and says what to do. It never changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from gilscope.env.cpu import UsableCpus, core_groups
from gilscope.env.files import cpu_folders, read_text
from gilscope.env.machine import available_memory_bytes, is_virtual

__all__ = ["CHECKS", "THREAD_VARIABLES", "Check", "MachineState", "run_checks"]

_LOAD_WINDOW_S = 0.25  # 25 ticks of the kernel's accounting per CPU
MAX_LOAD_PER_CPU = 0.25  # other work of more than a quarter of each CPU leaves no room for as many workers as CPUs
MAX_STEAL_SHARE = 0.01  # one percent of the CPU time: as much as a good interval is wide
MIN_MEMORY_BYTES = 1 << 30  # triad at M takes 480 MB, each worker up to 100 MB of libraries
MAX_CLOCK_RESOLUTION_S = 1e-6  # a round lasts 0.2 s, a dispatch 10 us

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""What libraries take their numbers of threads from."""

BEHAVIOUR_VARIABLES = (
    "OMP_THREAD_LIMIT",
    "OMP_WAIT_POLICY",
    "GOMP_SPINCOUNT",
    "KMP_BLOCKTIME",
    "OMP_PROC_BIND",
    "GOMP_CPU_AFFINITY",
)
"""What else decides how many their threads are and how they run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The answer of one check.

    Parameters
    ----------
    name : str
    status : {"ok", "warning", "unknown"}
        ``unknown``: this system does not tell; ``message`` says what is missing.
    message, cure : str
        What was found; what to do about it (empty unless ``warning``).
    """

    name: str
    status: Literal["ok", "warning", "unknown"]
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What checks look at."""

    root: Path
    environ: Mapping[str, str]
    usable: UsableCpus


class _Question(Protocol):
    name: str

    def run(self, host: MachineState) -> Check: ...


class Load:
    """Is the machine busy with something else, now?

    Measured over a quarter of a second: the load average still remembers our own last run for minutes.
    """

    name = "load"

    def run(self, host: MachineState) -> Check:
        try:
            import psutil

            busy = psutil.cpu_percent(interval=_LOAD_WINDOW_S) / 100.0 * host.usable.logical
        except (ImportError, OSError, RuntimeError):
            return Check(name=self.name, status="unknown", message="this system does not tell how busy its CPUs are")
        text = f"{busy:.1f} of {host.usable.logical} CPUs are busy"
        if busy <= MAX_LOAD_PER_CPU * host.usable.logical:
            return Check(name=self.name, status="ok", message=text)
        return Check(
            name=self.name,
            status="warning",
            message=f"{text}: something else is running",
            cure="stop other programs, or expect wide intervals",
        )


class Governor:
    """May the CPUs change their clock by load?"""

    name = "frequency"

    def run(self, host: MachineState) -> Check:
        found = {read_text(folder / "cpufreq/scaling_governor") for folder in cpu_folders(host.root).values()} - {None}
        if not found:
            message = "no CPU frequency control is visible (usual in virtual machines and outside Linux)"
            return Check(name=self.name, status="unknown", message=message)
        names = ", ".join(sorted(name for name in found if name))
        if found == {"performance"}:
            return Check(name=self.name, status="ok", message="governor performance")
        return Check(
            name=self.name,
            status="warning",
            message=f"governor {names}: clocks follow the load with a delay",
            cure="sudo cpupower frequency-set -g performance",
        )


class Turbo:
    """Does one busy core clock higher than all together?"""

    name = "turbo"

    def run(self, host: MachineState) -> Check:
        folder = host.root / "sys/devices/system/cpu"
        no_turbo, boost = read_text(folder / "intel_pstate/no_turbo"), read_text(folder / "cpufreq/boost")
        if no_turbo is None and boost is None:
            return Check(name=self.name, status="unknown", message="whether turbo clocks are on is not visible here")
        if no_turbo == "1" or (no_turbo is None and boost == "0"):
            return Check(name=self.name, status="ok", message="turbo clocks are off")
        message = "turbo clocks are on: one busy core may run faster than each of many; the spin control shows it"
        return Check(name=self.name, status="ok", message=message)


class HardwareThreads:
    """Do usable CPUs share physical cores?"""

    name = "smt"

    def run(self, host: MachineState) -> Check:
        groups = core_groups(host.root)
        if not groups:
            return Check(name=self.name, status="unknown", message="which CPUs share a core is not visible here")
        if max(map(len, groups)) == 1:
            return Check(name=self.name, status="ok", message="each CPU is shown as a core of its own")
        if host.usable.count <= len(groups):
            message = f"{len(groups)} cores with several hardware threads each, {host.usable.count} workers at most"
            return Check(name=self.name, status="ok", message=message)
        return Check(
            name=self.name,
            status="warning",
            message=f"{host.usable.count} usable CPUs are hardware threads of {len(groups)} cores",
            cure=f"read speed-ups above {len(groups)} workers against the spin control",
        )


class Quota:
    """Does a cgroup take CPU time away?"""

    name = "quota"

    def run(self, host: MachineState) -> Check:
        quota = host.usable.quota_cpus
        if quota is None:
            return Check(name=self.name, status="ok", message="no cgroup quota")
        if quota >= host.usable.logical:
            message = f"the cgroup quota of {quota:.4g} CPUs is above what the machine has"
            return Check(name=self.name, status="ok", message=message)
        return Check(
            name=self.name,
            status="warning",
            message=f"a cgroup quota allows {quota:.4g} CPUs of {host.usable.logical}: more workers are throttled",
            cure="raise the limit of the container (docker run --cpus, resources.limits.cpu)",
        )


class Steal:
    """Does the hypervisor give this machine's CPUs to others?"""

    name = "steal"

    def run(self, host: MachineState) -> Check:
        ticks = [int(field) for field in _first_line(host.root / "proc/stat").split()[1:] if field.isdecimal()]
        if len(ticks) < 8 or sum(ticks[:8]) == 0:
            return Check(name=self.name, status="unknown", message="this system does not tell stolen time")
        share = ticks[7] / sum(ticks[:8])
        text = f"{share:.1%} of the CPU time since the start was stolen"
        if share <= MAX_STEAL_SHARE:
            return Check(name=self.name, status="ok", message=text)
        return Check(
            name=self.name,
            status="warning",
            message=f"{text} by the host",
            cure="use a machine with dedicated CPUs, or expect wide intervals",
        )


class Memory:
    """Is there room for the inputs?"""

    name = "memory"

    def run(self, host: MachineState) -> Check:
        available = available_memory_bytes(host.root)
        if available is None:
            return Check(name=self.name, status="unknown", message="how much memory is free is not visible here")
        text = f"{available / (1 << 30):.1f} GiB of memory available"
        if available >= MIN_MEMORY_BYTES:
            return Check(name=self.name, status="ok", message=text)
        return Check(name=self.name, status="warning", message=text, cure="close programs, or measure with --size S")


class Virtual:
    """Is this a virtual machine?"""

    name = "virtual"

    def run(self, host: MachineState) -> Check:
        virtual = is_virtual(host.root)
        if virtual is None:
            return Check(name=self.name, status="unknown", message="no sign here of a virtual machine or of none")
        if not virtual:
            return Check(name=self.name, status="ok", message="no virtual machine")
        message = "a virtual machine: its CPUs may be shared; the spin control shows what they give"
        return Check(name=self.name, status="ok", message=message)


class Clock:
    """Is the clock fine enough and quick to read?"""

    name = "clock"

    def run(self, host: MachineState) -> Check:
        info = time.get_clock_info("perf_counter")
        source = read_text(host.root / "sys/devices/system/clocksource/clocksource0/current_clocksource") or ""
        text = f"{info.implementation}, resolution {info.resolution:.0e} s" + (f", source {source}" if source else "")
        if info.resolution > MAX_CLOCK_RESOLUTION_S:
            return Check(name=self.name, status="warning", message=f"{text}: coarse", cure="measure on another machine")
        if source in ("hpet", "acpi_pm", "jiffies"):
            cure = "boot with clocksource=tsc if the machine allows it"
            return Check(name=self.name, status="warning", message=f"{text}: slow to read", cure=cure)
        return Check(name=self.name, status="ok", message=text)


class ThreadVariables:
    """Do environment variables set numbers of threads?"""

    name = "thread variables"

    def run(self, host: MachineState) -> Check:
        seen = {
            name: host.environ[name] for name in (*THREAD_VARIABLES, *BEHAVIOUR_VARIABLES) if host.environ.get(name)
        }
        if not seen:
            return Check(name=self.name, status="ok", message="no variable sets a number of threads")
        return Check(
            name=self.name,
            status="warning",
            message="set in the environment: " + ", ".join(f"{name}={value}" for name, value in seen.items()),
            cure=f"unset {' '.join(seen)}: they change what native executors can do",
        )


CHECKS: tuple[_Question, ...] = (
    Load(),
    Governor(),
    Turbo(),
    HardwareThreads(),
    Quota(),
    Steal(),
    Memory(),
    Virtual(),
    Clock(),
    ThreadVariables(),
)


def run_checks(root: Path, environ: Mapping[str, str], usable: UsableCpus) -> list[Check]:
    """Return the answer of every check, in the order they are shown."""
    host = MachineState(root=root, environ=environ, usable=usable)
    return [check.run(host) for check in CHECKS]


def _first_line(path: Path) -> str:
    return (read_text(path) or "").split("\n", 1)[0]
