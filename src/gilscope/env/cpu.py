"""How many workers can run at the same time here, and what limits that.

``os.cpu_count()`` counts the CPUs of the machine. The affinity of a process may allow fewer, and a cgroup quota may
give a container less CPU time: further workers would only wait for each other.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from gilscope.core.cgroups import limiting_group
from gilscope.core.errors import UsageError
from gilscope.env.files import cpu_folders, parse_cpu_list, read_text

Limit: TypeAlias = Literal["machine", "affinity", "cgroup quota", "GILSCOPE_MAX_WORKERS"]

MAX_WORKERS_VARIABLE = "GILSCOPE_MAX_WORKERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCpus:
    """How many workers can run at the same time, at least 1, and what limits it."""

    count: int
    limit: Limit
    detail: str  # the limit as a sentence
    logical: int  # logical CPUs of the machine
    physical: int | None  # cores of the machine; None where the system does not say
    quota_cpus: float | None  # CPU seconds per second that the cgroups allow; None without a quota


def usable_cpus(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> UsableCpus:
    """Return how many workers can run at the same time, and what limits that.

    A quota counts by its whole CPUs (at least 1): under 2.5 CPUs two workers never wait for the quota, three do. Raises
    UsageError if GILSCOPE_MAX_WORKERS is not a whole number above zero.
    """
    logical = os.cpu_count() or 1
    allowed = allowed_cpus()
    quota = cgroup_quota_cpus(root)
    user = _user_limit(environ)
    limits: list[tuple[int, Limit, str]] = [(logical, "machine", f"the machine has {_cpus(logical)}")]
    if allowed is not None:
        limits.append((allowed, "affinity", f"the affinity of this process allows {allowed} of {_cpus(logical)}"))
    if quota is not None:
        limits.append((max(1, math.floor(quota)), "cgroup quota", f"a cgroup quota allows {quota:.4g} CPUs"))
    if user is not None:
        limits.append((user, "GILSCOPE_MAX_WORKERS", f"{MAX_WORKERS_VARIABLE} is {user}"))
    count, limit, detail = min(limits, key=lambda entry: entry[0])  # the first of equals
    return UsableCpus(
        count=count, limit=limit, detail=detail, logical=logical, physical=_physical_cores(root), quota_cpus=quota
    )


def default_workers(usable: UsableCpus) -> tuple[int, ...]:
    """Return 1, 2, 4, ... and the number of usable CPUs."""
    powers = [1 << i for i in range(usable.count.bit_length()) if 1 << i < usable.count]
    return (*powers, usable.count)


def _cpus(count: int) -> str:
    return f"{count} logical CPU" + ("" if count == 1 else "s")


def allowed_cpus() -> int | None:
    """Return how many CPUs the affinity of this process allows; None where unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    try:
        import psutil

        return len(psutil.Process().cpu_affinity())
    except (ImportError, AttributeError, OSError):  # macOS has no affinity
        return None


def _user_limit(environ: Mapping[str, str]) -> int | None:
    text = environ.get(MAX_WORKERS_VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise UsageError(
            f"{MAX_WORKERS_VARIABLE}={text!r} is not a number of workers: use a whole number above zero, or unset it"
        )
    return int(text)


def core_groups(root: Path = Path("/")) -> tuple[tuple[int, ...], ...]:
    """Return the logical CPUs of each physical core, in the order of their first; empty where unknown."""
    groups = set()
    for cpu, folder in cpu_folders(root).items():
        text = read_text(folder / "topology/core_cpus_list") or read_text(folder / "topology/thread_siblings_list")
        if text:
            groups.add(tuple(sorted(parse_cpu_list(text) | {cpu})))
    return tuple(sorted(groups))


def _physical_cores(root: Path) -> int | None:
    groups = core_groups(root)
    if groups:
        return len(groups)
    if root != Path("/"):  # a fake tree without topology: do not answer with the real machine
        return None
    try:
        import psutil

        cores = psutil.cpu_count(logical=False)
    except (ImportError, OSError):
        return None
    return int(cores) if cores else None


def cgroup_quota_cpus(root: Path = Path("/")) -> float | None:
    """Return the CPU seconds per second that the cgroups of this process allow; None without a quota."""
    group = limiting_group(str(root))
    return group.cpus if group is not None else None
