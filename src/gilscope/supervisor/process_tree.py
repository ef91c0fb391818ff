"""Ending processes reliably without leaving named semaphores behind. Standard library only.

Named semaphores of loky and multiprocessing are removed by resource trackers, processes of the same group that notice
when all others are gone. They could not if they were killed along with them, so they get a moment more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_TRACKER = b"resource_tracker"  # in the command line of multiprocessing's and loky's
_PATIENCE_S = 1.0  # a tracker needs milliseconds once it is alone
_ORPHANS_S = 5.0  # for thousands that go on forking while they are killed
_STEP_S = 0.002
_SHARED = "/dev/shm"  # where glibc and musl keep named semaphores
_NAMES = ("sem.mp-", "sem.loky-", "mp-", "loky-")  # of multiprocessing and loky; musl puts no "sem." before them


class _Process(NamedTuple):
    state: str
    parent: int
    group: int


def kill_group(leader: int) -> None:
    """Kill all processes of the group that ``leader`` leads, and all its descendants.

    Resource trackers are killed only if they do not end by themselves; any descendant, in whatever group, keeps its
    tracker waiting. Without /proc the group is killed at once.
    """
    semaphores = _semaphores_of(leader)
    deadline = time.monotonic() + _PATIENCE_S
    known = {leader}  # those whose parents have ended descend from others now
    while True:
        current = _processes()
        known |= _below(known, current)
        living = {pid for pid, process in current.items() if process.state != "Z"}
        members = {pid for pid in living if pid in known or current[pid].group == leader}
        trackers = {pid for pid in members if _is_tracker(pid)}
        for pid in members - trackers:
            _kill(pid)
        if not trackers or time.monotonic() > deadline:
            break
        time.sleep(_STEP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for name in semaphores:  # left only if the tracker was killed
        with contextlib.suppress(OSError):
            os.unlink(name)


def kill_orphans(spared: Collection[int]) -> None:
    """Kill and reap every descendant of this process that is not ``spared`` nor descends from one of these.

    They left their process group, and this process, the subreaper, adopted them when their parents ended. A killed
    process forks no more; what was forked meanwhile is found by the next scan. Without /proc none is known.
    """
    deadline, empty_scans = time.monotonic() + _ORPHANS_S, 0
    while empty_scans < 2 and time.monotonic() < deadline:  # one may miss a child whose parent ends meanwhile
        current = _processes()
        orphans = _below([os.getpid()], current) - set(spared) - _below(spared, current)
        empty_scans = 0 if orphans else empty_scans + 1
        for pid in orphans:
            _kill(pid)
        if orphans:
            time.sleep(_STEP_S)
        for pid in orphans:
            with contextlib.suppress(ChildProcessError):  # not ours yet
                os.waitpid(pid, os.WNOHANG)


def descendants() -> set[int]:
    """Return the pids of all descendants of this process; none without /proc."""
    return _below([os.getpid()], _processes())


def _below(roots: Iterable[int], processes: Mapping[int, _Process]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    ahead = list(roots)
    while ahead:
        new = children.get(ahead.pop(), [])
        found.update(new)
        ahead += new
    return found


def _processes() -> dict[int, _Process]:
    """Return every process of the machine; none without /proc."""
    found = {}
    with contextlib.suppress(OSError):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    fields = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b")")[2]  # a name may be any bytes
                    state, parent, group = fields.split()[:3]
                    found[int(entry)] = _Process(state.decode(), int(parent), int(group))
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _is_tracker(pid: int) -> bool:
    try:
        return _TRACKER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _semaphores_of(pid: int) -> list[str]:
    """Return the paths of the named semaphores that a process has mapped, where /proc shows them.

    Identified by inode: they are created under a temporary name, which is the one that maps go on showing.
    """
    found = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/maps").read_bytes().split(b"\n")  # names of files may be any bytes
        mapped = {int(line.split()[4]) for line in lines if os.fsencode(_SHARED) in line}
        with os.scandir(_SHARED) as entries:
            found = [entry.path for entry in entries if entry.name.startswith(_NAMES) and entry.inode() in mapped]
    return found
