"""What a test may not leave behind: it is gone in time, and distinguished from what other programs have meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil

FOLDER = "/dev/shm"
GONE_WITHIN_S = 5.0  # what users are promised after Ctrl-C or kill -9


def eventually(claim: Callable[[], bool], within_s: float = GONE_WITHIN_S) -> bool:
    """Whether a claim comes true in time."""
    deadline = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def shared_memory() -> set[str]:
    """Names of POSIX shared memory and semaphores, where the system shows them."""
    if not os.path.isdir(FOLDER):
        return set()
    return {name for name in os.listdir(FOLDER) if name.startswith(("psm_", "mp-", "sem.", "gilscope"))}


def abandoned(before: set[str], within_s: float = GONE_WITHIN_S) -> set[str]:
    """Shared memory that is new and that no process has mapped for so long: others make and remove their own meanwhile.

    Told by inode: a semaphore is made under a passing name, which is the one its maker's maps go on showing.
    """
    left = _unmapped(before)
    deadline = time.monotonic() + within_s
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left &= _unmapped(before)
    return {name for name, _ in left}


def _unmapped(before: set[str]) -> set[tuple[str, str]]:
    """Name and inode of what is new and not mapped now."""
    new = shared_memory() - before
    if not new:
        return set()
    mapped = set()
    for pid in psutil.pids():
        try:
            lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        except OSError:
            continue
        mapped |= {line.split()[4] for line in lines if FOLDER in line}
    return {(name, inode) for name in new if (inode := _inode(name)) and inode not in mapped}


def _inode(name: str) -> str:
    try:
        return str(os.stat(os.path.join(FOLDER, name)).st_ino)
    except OSError:  # gone meanwhile
        return ""
