"""The cgroups that limit this process's CPU time. Standard library only: workers read the throttling clock."""

import os
from collections.abc import Iterator
from typing import NamedTuple


class LimitingGroup(NamedTuple):
    """The group that allows the least CPU time; ``cpus`` in CPU seconds per second."""

    folder: str
    cpus: float


def limiting_group(root: str = "/") -> LimitingGroup | None:
    """Return the group with the least quota among this process's own and its ancestors; None without a quota.

    A group may not use more than any of its ancestors. Both cgroup versions are read, because hybrid systems mount both
    (man 7 cgroups). ``root`` is where ``proc`` and ``sys`` are; tests use fake trees.
    """
    quotas = ((folder, _quota_cpus(folder, version)) for folder, version in groups(root))
    found = (LimitingGroup(folder, cpus) for folder, cpus in quotas if cpus is not None)
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
    """Yield the folder of ``group`` and its ancestors, as far as they are visible below the mount point.

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


def _quota_cpus(folder: str, version: int) -> float | None:
    """Read quota and period: ``cpu.max`` (``max`` for none), or ``cpu.cfs_quota_us`` (-1) and ``cpu.cfs_period_us``."""
    names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    fields = [field for name in names for field in " ".join(_lines(os.path.join(folder, name))).split()]
    try:
        quota_us, period_us = map(int, fields)
    except ValueError:
        return None
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def _lines(path: str) -> list[str]:
    """Return the lines of a small file; none when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")
    except (OSError, ValueError):
        return []
