"""How many workers can run at the same time here, and what limits that.

``os.cpu_count()`` counts the CPUs of the machine. A process may be allowed fewer by its affinity, and a container may
be given less time than its CPUs have by a cgroup quota: then more workers only wait for each other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from gilscope.env.files import cpu_folders, parse_cpu_list, read_int, read_text
from gilscope.errors import UsageError

__all__ = [
    "MAX_WORKERS_VARIABLE",
    "Limit",
    "UsableCpus",
    "cgroup_quota_cpus",
    "core_groups",
    "default_workers",
    "usable_cpus",
]

Limit: TypeAlias = Literal["machine", "affinity", "cgroup quota", "GILSCOPE_MAX_WORKERS"]

MAX_WORKERS_VARIABLE = "GILSCOPE_MAX_WORKERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCpus:
    """How many workers can run at the same time.

    Parameters
    ----------
    count : int
        At least 1.
    limit : {"machine", "affinity", "cgroup quota", "GILSCOPE_MAX_WORKERS"}
        What makes it no more.
    detail : str
        The limit in words.
    logical : int
        Logical CPUs of the machine.
    physical : int or None
        Physical cores of the machine; None where the system does not tell.
    quota_cpus : float or None
        CPU seconds per second the cgroups allow; None without a quota.
    """

    count: int
    limit: Limit
    detail: str
    logical: int
    physical: int | None
    quota_cpus: float | None


def usable_cpus(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> UsableCpus:
    """Return how many workers can run at the same time, and what limits that.

    Notes
    -----
    A quota counts by its whole CPUs (at least 1): under 2.5 CPUs two workers never wait for the quota, three do.

    Raises
    ------
    UsageError
        If GILSCOPE_MAX_WORKERS is no whole number above zero.
    """
    logical = os.cpu_count() or 1
    allowed = _allowed_cpus()
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
        count=count,
        limit=limit,
        detail=detail,
        logical=logical,
        physical=_physical_cores(root),
        quota_cpus=quota,
    )


def default_workers(usable: UsableCpus) -> tuple[int, ...]:
    """Return 1, 2, 4, ... and the number of usable CPUs."""
    powers = [1 << i for i in range(usable.count.bit_length()) if 1 << i < usable.count]
    return (*powers, usable.count)


def _cpus(count: int) -> str:
    return f"{count} logical CPU" + ("" if count == 1 else "s")


def _allowed_cpus() -> int | None:
    """Return the number of CPUs the affinity of this process allows, or None where that is unknown."""
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
            f"{MAX_WORKERS_VARIABLE}={text!r} is no number of workers: set it to a whole number above zero, or unset it"
        )
    return int(text)


# Physical cores -------------------------------------------------------------------------------------------------------


def core_groups(root: Path = Path("/")) -> tuple[tuple[int, ...], ...]:
    """Return the logical CPUs of each physical core, in the order of their first; empty where that is unknown."""
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


# cgroups --------------------------------------------------------------------------------------------------------------


def cgroup_quota_cpus(root: Path = Path("/")) -> float | None:
    """Return the CPU seconds per second that the cgroups of this process allow, or None without a quota.

    Notes
    -----
    A group may not use more than any of its ancestors, so the least quota on the way up counts. Both versions are
    read, because hybrid systems mount both (man 7 cgroups).
    """
    quotas = [
        quota
        for group, version in _cgroups(root)
        if (quota := _quota_v2(group) if version == 2 else _quota_v1(group)) is not None
    ]
    return min(quotas, default=None)


def _cgroups(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield (folder, version) of every group this process is in, from its own up to the mount point."""
    mounts = _cgroup_mounts(root)
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        version = 2 if fields[0] == "0" and not fields[1] else 1
        if version == 1 and "cpu" not in fields[1].split(","):
            continue
        mount = mounts.get(version)
        if mount is not None:
            yield from ((folder, version) for folder in _upwards(*mount, PurePosixPath(fields[2])))


def _upwards(mount_point: Path, mount_root: PurePosixPath, group: PurePosixPath) -> Iterator[Path]:
    """Yield the folder of ``group`` and those above it, as far as they are visible below the mount point.

    In a container without its own cgroup namespace the mount shows only ``mount_root`` of the host's tree.
    """
    inside = group.relative_to(mount_root) if group.is_relative_to(mount_root) else PurePosixPath()
    parts = [] if ".." in inside.parts else [part for part in inside.parts if part != "/"]
    for depth in range(len(parts), -1, -1):
        yield mount_point.joinpath(*parts[:depth])


def _cgroup_mounts(root: Path) -> dict[int, tuple[Path, PurePosixPath]]:
    """Return mount point and mounted root of the cgroup hierarchies that control CPU time, by version."""
    mounts: dict[int, tuple[Path, PurePosixPath]] = {}
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        if len(fields) < 10 or "-" not in fields[6:]:
            continue
        kind, *rest = fields[fields.index("-", 6) + 1 :]
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in rest[-1].split(",")):
            mounts[2 if kind == "cgroup2" else 1] = (root / fields[4].lstrip("/"), PurePosixPath(fields[3]))
    return mounts


def _quota_v2(group: Path) -> float | None:
    """Read ``cpu.max``: ``max 100000`` or ``150000 100000`` (quota and period in microseconds)."""
    fields = (read_text(group / "cpu.max") or "").split()
    if len(fields) != 2 or not all(field.isdecimal() for field in fields) or int(fields[1]) == 0:
        return None
    return int(fields[0]) / int(fields[1])


def _quota_v1(group: Path) -> float | None:
    """Read ``cpu.cfs_quota_us`` (-1 for none) and ``cpu.cfs_period_us``."""
    quota, period = read_int(group / "cpu.cfs_quota_us"), read_int(group / "cpu.cfs_period_us")
    if quota is None or period is None or quota <= 0 or period <= 0:
        return None
    return quota / period
