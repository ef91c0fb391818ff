"""Memory of a process and of everything it has started, as the system counts it. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

PSS_REASON = "only Linux tells the proportional set size (/proc/PID/smaps_rollup)"


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
