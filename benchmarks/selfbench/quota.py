"""A cgroup with a CPU quota, where this user may make one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gilscope.core import cgroups

__all__ = ["CannotLimitError", "limited_cpus"]

_PERIOD_US = 20_000  # ten of them fit into the shortest round
_numbers = itertools.count()


class CannotLimitError(OSError):
    """A process cannot be given just so many CPUs; the message says why."""


@contextmanager
def limited_cpus(cpus: float) -> Iterator[Path]:
    """Make a cgroup that allows ``cpus`` CPU seconds per second; yield the file that takes the ids of its members.

    Raises
    ------
    CannotLimitError
    """
    parents = list(cgroups.groups("/"))
    if not parents:
        raise CannotLimitError("no cgroup controls the CPU time of this process")
    folder, version = parents[0]
    group = Path(folder) / f"gilscope-{os.getpid()}-{next(_numbers)}"
    try:
        group.mkdir()
        _limit(group, version, cpus)
    except OSError as error:
        _remove(group)
        raise CannotLimitError(f"no cgroup with a quota can be made here ({error.strerror or error})") from None
    try:
        yield group / "cgroup.procs"
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a cgroup as far as that can be done; whoever is still in it goes to its parent."""
    with suppress(OSError):
        for process in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (group.parent / "cgroup.procs").write_text(process)
    with suppress(OSError):  # must not hide what failed before
        group.rmdir()


def _limit(group: Path, version: int, cpus: float) -> None:
    quota_us = round(cpus * _PERIOD_US)
    if version == 2:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
