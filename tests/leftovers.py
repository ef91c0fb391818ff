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
    """Shared memory that is new and that no process has mapped."""
    new = shared_memory() - before
    if not new:
        return set()
    in_use = ""
    for pid in psutil.pids():
        try:
            in_use += Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            continue
    return {name for name in new if name not in in_use}
