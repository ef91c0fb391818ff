"""How much memory is available, what processes take, and a limit on that. Standard library only."""

import os
import platform
import sys
from pathlib import Path

KEPT = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "67108864"}
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
KEEPING = {"": {}, "smallpages": {}, "kept": KEPT, "onearena": KEPT | ONE_ARENA}
"""By ``Case.memory`` the environment in which glibc's malloc keeps what is freed for the next call (man 3 mallopt): it
neither trims its heaps nor maps large blocks one by one. Heaps of threads have at most 64 MiB, so larger blocks of
theirs are mapped all the same, unless all threads share the arena of the main one, whose lock they then queue for."""

PSS_REASON = "only Linux tells the proportional set size (/proc/PID/smaps_rollup)"

_GROUPS = Path("/sys/fs/cgroup")
_LIMITS = (  # files with limit and usage, prefix of the fields in memory.stat: cgroup v2 and v1
    ("memory.max", "memory.current", ""),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_"),
)


def can_keep() -> bool:
    """Whether ``KEEPING`` has an effect: only with glibc."""
    return platform.libc_ver()[0] == "glibc"


def bound_memory(most_bytes: int | None = None) -> None:
    """Make allocations of this process and its children beyond a limit fail, instead of having a process killed.

    ``most_bytes`` is private memory per process, by default what is free; an existing limit is only lowered.
    RLIMIT_DATA counts private writable mappings since Linux 4.7; shared inputs and outputs do not count.
    """
    wanted = available_bytes() if most_bytes is None else most_bytes
    if wanted is None or sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([wanted, *known]), hard))


def available_bytes(groups: Path = _GROUPS) -> int | None:
    """Memory available without swapping, within the cgroup's limit; None where the system does not say.

    A group's page cache counts as used there but is reclaimed on demand, so it counts as free here.
    """
    try:
        free = int(_fields(Path("/proc/meminfo"))["MemAvailable:"]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    left = [_left_bytes(groups / limit, groups / used, mark) for limit, used, mark in _LIMITS]
    return max(0, min([free, *(nbytes for nbytes in left if nbytes is not None)]))


def _left_bytes(limit: Path, used: Path, mark: str) -> int | None:
    """Return what a group may still take; None where it has no limit."""
    try:
        kept = _fields(limit.parent / "memory.stat")
        files = sum(int(kept.get(f"{mark}{kind}_file", 0)) for kind in ("inactive", "active"))
        return int(limit.read_text()) - int(used.read_text()) + files
    except (OSError, ValueError):
        return None


def _fields(path: Path) -> dict[str, str]:
    """Return the second field of each line by the first."""
    return {row[0]: row[1] for row in map(str.split, path.read_text().splitlines()) if len(row) > 1}


def family_of(root: int, proc: Path = Path("/proc")) -> list[int]:
    """Return ``root`` and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):  # it has ended meanwhile
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows while it is walked
        found += children.get(pid, [])
    return found


def family_pss_bytes(root: int | None = None, proc: Path = Path("/proc")) -> int | None:
    """Sum the proportional set size of a process (this one) and its descendants; None where it is unknown.

    A page shared by n processes counts 1/n in each, so the sum counts it once (Documentation/filesystems/proc.rst).
    """
    try:
        family = family_of(os.getpid() if root is None else root, proc)
    except OSError:
        return None
    known = []
    for pid in family:
        try:
            lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
            known.append(sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")))
        except (OSError, ValueError, IndexError):
            continue
    return sum(known) if known else None
