"""Reading the small files of /proc and /sys, which may be missing, unreadable or odd."""

import re
from pathlib import Path


def read_text(path: Path) -> str | None:
    """Return the stripped text of a file, or None when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def parse_cpu_list(text: str) -> frozenset[int]:
    """Read the kernel's list format, e.g. ``0-3,8``; anything else in it is left out."""
    cpus: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part.strip())  # no kernel knows more CPUs
        if match:
            cpus.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(cpus)


def cpu_folders(root: Path) -> dict[int, Path]:
    """Return the folders of the CPUs below ``sys/devices/system/cpu``, by number; empty without any."""
    folder = root / "sys/devices/system/cpu"
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return {}
    return {int(name[3:]): folder / name for name in sorted(names) if re.fullmatch(r"cpu\d+", name)}
