"""Ending a process group for good without leaving names behind. Standard library only.

Named semaphores of loky and of multiprocessing are removed by resource trackers, processes of the same group that
notice when all others are gone. Killed along with them they could not, so they get a moment more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

__all__ = ["kill_group"]

_TRACKER = b"resource_tracker"  # in the command line of multiprocessing's and loky's
_PATIENCE_S = 1.0  # a tracker needs milliseconds once it is alone
_STEP_S = 0.002


def kill_group(leader: int) -> None:
    """Kill all processes of the group that ``leader`` leads; resource trackers only when they do not end by themselves.

    Notes
    -----
    Without /proc the whole group is killed at once.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while members := _members(leader):
        trackers = {pid for pid in members if _is_tracker(pid)}
        for pid in members - trackers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not trackers or time.monotonic() > deadline:
            break
        time.sleep(_STEP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _members(leader: int) -> set[int]:
    """Pids of a process group that have not ended yet; none where there is no /proc."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                    if int(group) == leader and state != "Z":
                        found.add(int(entry.name))
    return found


def _is_tracker(pid: int) -> bool:
    try:
        return _TRACKER in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
