"""The cgroups that limit this process's CPU time, found one way for the quota and for the clock of what it stopped.

Standard library only: workers read that clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["LimitingGroup", "groups", "limiting_group"]


class LimitingGroup(NamedTuple):
    """The group that allows the least CPU time.

    Parameters
    ----------
    folder : str
    version : {1, 2}
    cpus : float
        CPU seconds per second.
    """

    folder: str
    version: int
    cpus: float


def limiting_group(root: str = "/") -> LimitingGroup | None:
    """Return the group of this process, or the one above it, with the least quota; None without a quota.

    Parameters
    ----------
    root : str
        Where ``proc`` and ``sys`` are; tests put fake trees there.

    Notes
    -----
    A group may not use more than any of its ancestors, so the least quota on the way up counts. Both versions are
    read, because hybrid systems mount both (man 7 cgroups).
    """
    found = []
    for folder, version in groups(root):
        cpus = _quota_v2(folder) if version == 2 else _quota_v1(folder)
        if cpus is not None:
            found.append(LimitingGroup(folder, version, cpus))
    return min(found, key=lambda group: group.cpus, default=None)


def groups(root: str = "/") -> Iterator[tuple[str, int]]:
    """Yield (folder, version) of every group this process is in, from its own up to the mount point."""
    mounts = _mounts(root)
    for line in _lines(os.path.join(root, "proc/self/cgroup")):
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        version = 2 if fields[0] == "0" and not fields[1] else 1
        if version == 1 and "cpu" not in fields[1].split(","):
            continue
        if version in mounts:
            yield from ((folder, version) for folder in _upwards(*mounts[version], fields[2]))


def _upwards(mount_point: str, mount_root: str, group: str) -> Iterator[str]:
    """Yield the folder of ``group`` and those above it, as far as they are visible below the mount point.

    In a container without its own cgroup namespace the mount shows only ``mount_root`` of the host's tree.
    """
    above, parts = _parts(mount_root), _parts(group)
    inside = parts[len(above) :] if parts[: len(above)] == above else []
    if ".." in inside:
        inside = []
    for depth in range(len(inside), -1, -1):
        yield os.path.join(mount_point, *inside[:depth])


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _mounts(root: str) -> dict[int, tuple[str, str]]:
    """Return mount point and mounted root of the cgroup hierarchies that control CPU time, by version."""
    mounts: dict[int, tuple[str, str]] = {}
    for line in _lines(os.path.join(root, "proc/self/mountinfo")):
        fields = line.split()
        if len(fields) < 10 or "-" not in fields[6:]:
            continue
        kind, *rest = fields[fields.index("-", 6) + 1 :]
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in rest[-1].split(",")):
            mounts[2 if kind == "cgroup2" else 1] = (os.path.join(root, fields[4].lstrip("/")), fields[3])
    return mounts


def _quota_v2(folder: str) -> float | None:
    """Read ``cpu.max``: ``max 100000`` or ``150000 100000`` (quota and period in microseconds)."""
    fields = " ".join(_lines(os.path.join(folder, "cpu.max"))).split()
    if len(fields) != 2 or not all(field.isdecimal() for field in fields) or int(fields[1]) == 0:
        return None
    return int(fields[0]) / int(fields[1])


def _quota_v1(folder: str) -> float | None:
    """Read ``cpu.cfs_quota_us`` (-1 for none) and ``cpu.cfs_period_us``."""
    quota, period = (_lines(os.path.join(folder, name)) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    try:
        quota_us, period_us = int(quota[0]), int(period[0])
    except (IndexError, ValueError):
        return None
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def _lines(path: str) -> list[str]:
    """Return the lines of a small file; none when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")
    except (OSError, ValueError):
        return []
