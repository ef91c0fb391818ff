"""What about this machine could spoil a measurement: one function per question.

A check reads, compares and says what to do. It never changes anything.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gilscope.core.pages import offered
from gilscope.env.cpu import UsableCpus, core_groups
from gilscope.env.files import cpu_folders, read_text
from gilscope.env.machine import available_memory_bytes, is_virtual

_LOAD_WINDOW_S = 0.25  # 25 ticks of the kernel's accounting per CPU; load averages remember our last run for minutes
MAX_LOAD_PER_CPU = 0.25  # other work of more than a quarter of each CPU leaves no room for as many workers as CPUs
MAX_STEAL_SHARE = 0.01  # one percent of the CPU time: as much as a good interval is wide
MIN_MEMORY_BYTES = 1 << 30  # triad at M takes 480 MB, each worker up to 100 MB of libraries
MAX_CLOCK_RESOLUTION_S = 1e-6  # a round lasts 0.1 s, a dispatch 10 us

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")  # fmt: skip
"""Where libraries get their numbers of threads."""

BEHAVIOUR_VARIABLES = ("OMP_THREAD_LIMIT", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_PROC_BIND",
                       "GOMP_CPU_AFFINITY")  # fmt: skip
"""What else decides how many threads they have and how these run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one check; ``unknown`` where this system does not say, ``cure`` empty unless ``warning``."""

    name: str
    status: Literal["ok", "warning", "unknown"]
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What checks read."""

    root: Path
    environ: Mapping[str, str]
    usable: UsableCpus


def _ok(message: str) -> Check:
    return Check(name="", status="ok", message=message)


def _unknown(message: str) -> Check:
    return Check(name="", status="unknown", message=message)


def _warning(message: str, cure: str) -> Check:
    return Check(name="", status="warning", message=message, cure=cure)


def _load(host: MachineState) -> Check:
    """Is the machine busy with something else, now?"""
    try:
        import psutil

        busy = psutil.cpu_percent(interval=_LOAD_WINDOW_S) / 100.0 * host.usable.logical
    except (ImportError, OSError, RuntimeError):
        return _unknown("this system does not tell how busy its CPUs are")
    text = f"{busy:.1f} of {host.usable.logical} CPUs are busy"
    if busy <= MAX_LOAD_PER_CPU * host.usable.logical:
        return _ok(text)
    return _warning(f"{text}: something else is running", "stop other programs, or expect wide intervals")


def _governor(host: MachineState) -> Check:
    """Does the CPU frequency follow the load?"""
    found = {read_text(folder / "cpufreq/scaling_governor") for folder in cpu_folders(host.root).values()} - {None}
    if not found:
        return _unknown("no CPU frequency control is visible (usual in virtual machines and outside Linux)")
    if found == {"performance"}:
        return _ok("governor performance")
    names = ", ".join(sorted(name for name in found if name))
    cure = "sudo cpupower frequency-set -g performance"
    return _warning(f"governor {names}: clocks follow the load with a delay", cure)


def _turbo(host: MachineState) -> Check:
    """Does one busy core run faster than all together?"""
    folder = host.root / "sys/devices/system/cpu"
    no_turbo, boost = read_text(folder / "intel_pstate/no_turbo"), read_text(folder / "cpufreq/boost")
    if no_turbo is None and boost is None:
        return _unknown("whether turbo clocks are on is not visible here")
    if no_turbo == "1" or (no_turbo is None and boost == "0"):
        return _ok("turbo clocks are off")
    return _ok("turbo clocks are on: one busy core may run faster than each of many; the spin control shows it")


def _hardware_threads(host: MachineState) -> Check:
    """Do usable CPUs share physical cores?"""
    groups = core_groups(host.root)
    if not groups:
        return _unknown("which CPUs share a core is not visible here")
    if max(map(len, groups)) == 1:
        return _ok("each CPU is shown as a core of its own")
    if host.usable.count <= len(groups):
        return _ok(f"{len(groups)} cores with several hardware threads each, {host.usable.count} workers at most")
    return _warning(
        f"{host.usable.count} usable CPUs are hardware threads of {len(groups)} cores",
        f"read speed-ups above {len(groups)} workers against the spin control",
    )


def _quota(host: MachineState) -> Check:
    """Does a cgroup limit the CPU time?"""
    quota = host.usable.quota_cpus
    if quota is None:
        return _ok("no cgroup quota")
    if quota >= host.usable.logical:
        return _ok(f"the cgroup quota of {quota:.4g} CPUs is above what the machine has")
    return _warning(
        f"a cgroup quota allows {quota:.4g} CPUs of {host.usable.logical}: more workers are throttled",
        "raise the limit of the container (docker run --cpus, resources.limits.cpu)",
    )


def _steal(host: MachineState) -> Check:
    """Does the hypervisor give this machine's CPUs to others?"""
    first = (read_text(host.root / "proc/stat") or "").split("\n", 1)[0]
    ticks = [int(field) for field in first.split()[1:] if field.isdecimal()]
    if len(ticks) < 8 or sum(ticks[:8]) == 0:
        return _unknown("this system does not tell stolen time")
    share = ticks[7] / sum(ticks[:8])
    text = f"{share:.1%} of the CPU time since the start was stolen"
    if share <= MAX_STEAL_SHARE:
        return _ok(text)
    return _warning(f"{text} by the host", "use a machine with dedicated CPUs, or expect wide intervals")


def _memory(host: MachineState) -> Check:
    """Is there room for the inputs?"""
    available = available_memory_bytes(host.root)
    if available is None:
        return _unknown("how much memory is free is not visible here")
    text = f"{available / (1 << 30):.1f} GiB of memory available"
    return _ok(text) if available >= MIN_MEMORY_BYTES else _warning(text, "close programs, or measure with --size S")


def _huge_pages(host: MachineState) -> Check:
    """Do large buffers lie on huge pages?"""
    found = offered(host.root / "sys/kernel/mm/transparent_hugepage")
    if found is None:
        return _unknown("whether large buffers get huge pages is not visible here")
    private, shared = found
    if not private:
        cure = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"
        return _warning("large buffers lie on small pages: kernels limited by memory run slower", cure)
    return _ok(f"large buffers get huge pages in one process{'' if not shared else ', and between processes'}")


def _virtual(host: MachineState) -> Check:
    """Is this a virtual machine?"""
    virtual = is_virtual(host.root)
    if virtual is None:
        return _unknown("no sign here of a virtual machine or of none")
    shared = "a virtual machine: its CPUs may be shared; the spin control shows what they give"
    return _ok(shared if virtual else "no virtual machine")


def _clock(host: MachineState) -> Check:
    """Is the clock fine enough and quick to read?"""
    info = time.get_clock_info("perf_counter")
    source = read_text(host.root / "sys/devices/system/clocksource/clocksource0/current_clocksource") or ""
    text = f"{info.implementation}, resolution {info.resolution:.0e} s" + (f", source {source}" if source else "")
    if info.resolution > MAX_CLOCK_RESOLUTION_S:
        return _warning(f"{text}: coarse", "measure on another machine")
    if source in ("hpet", "acpi_pm", "jiffies"):
        return _warning(f"{text}: slow to read", "boot with clocksource=tsc if the machine allows it")
    return _ok(text)


def _thread_variables(host: MachineState) -> Check:
    """Do environment variables set numbers of threads?"""
    names = [name for name in (*THREAD_VARIABLES, *BEHAVIOUR_VARIABLES) if host.environ.get(name)]
    if not names:
        return _ok("no variable sets a number of threads")
    return _warning(
        "set in the environment: " + ", ".join(f"{name}={host.environ[name]}" for name in names),
        f"unset {' '.join(names)}: they change what native executors can do",
    )


CHECKS: Mapping[str, Callable[[MachineState], Check]] = {
    "load": _load,
    "frequency": _governor,
    "turbo": _turbo,
    "smt": _hardware_threads,
    "quota": _quota,
    "steal": _steal,
    "memory": _memory,
    "huge pages": _huge_pages,
    "virtual": _virtual,
    "clock": _clock,
    "thread variables": _thread_variables,
}


def run_checks(root: Path, environ: Mapping[str, str], usable: UsableCpus) -> list[Check]:
    """Return the outcome of every check, in the order they are shown."""
    host = MachineState(root=root, environ=environ, usable=usable)
    return [replace(check(host), name=name) for name, check in CHECKS.items()]
