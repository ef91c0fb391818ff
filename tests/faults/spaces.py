"""A look of the machine of one's own: folders that are small, full or read-only for one program alone."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

__all__ = ["FULL_SHM", "READ_ONLY", "SMALL_SHM", "in_space", "why_no_space"]

SMALL_SHM = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
FULL_SHM = "mount -t tmpfs -o size=4k tmpfs /dev/shm && printf x > /dev/shm/full"
READ_ONLY = 'mount --bind "{0}" "{0}" && mount -o remount,ro,bind "{0}"'


def in_space(mounting: str, command: list[str]) -> list[str]:
    """Return a command that runs another one in a mount namespace of its own, after some mounting there."""
    return ["unshare", "--mount", "sh", "-c", f'{mounting} && exec "$@"', "sh", *command]


@cache
def why_no_space() -> str:
    """Say why there can be no such look here; empty where there can."""
    if shutil.which("unshare") is None:
        return "there is no program unshare"
    tried = subprocess.run(in_space(SMALL_SHM, ["true"]), capture_output=True, text=True, check=False)
    return f"no mount namespace of one's own: {tried.stderr.strip()}" if tried.returncode else ""
