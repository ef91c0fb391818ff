"""What a test may not leave behind in shared memory, told apart from what other programs have there meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

FOLDER = "/dev/shm"


def shared_memory() -> set[str]:
    """Names of POSIX shared memory and semaphores, where the system shows them."""
    if not os.path.isdir(FOLDER):
        return set()
    return {name for name in os.listdir(FOLDER) if name.startswith(("psm_", "mp-", "sem.", "gilscope"))}


def abandoned(before: set[str]) -> set[str]:
    """Shared memory that is new and that no process has mapped.

    Told by inode: a semaphore is made under a passing name, which is the one its maker's maps go on showing.
    """
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
    return {name for name in new if (inode := _inode(name)) and inode not in mapped}


def _inode(name: str) -> str:
    try:
        return str(os.stat(os.path.join(FOLDER, name)).st_ino)
    except OSError:  # gone meanwhile
        return ""
