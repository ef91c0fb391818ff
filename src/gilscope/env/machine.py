"""The hardware and its operating system."""

import hmac
import platform
import re
from pathlib import Path
from typing import Any

from gilscope.env.files import cpu_folders, read_text

_VIRTUAL_VENDORS = ("qemu", "kvm", "vmware", "virtualbox", "xen", "microsoft corporation", "amazon ec2", "google")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def describe(root: Path = Path("/")) -> dict[str, Any]:
    """Return the properties of the machine; None for each that cannot be read."""
    return {
        "identity": identity(root),
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "cpu_model": cpu_model(root),
        "virtual": is_virtual(root),
        "memory_bytes": _memory_bytes(root, "MemTotal", "total"),
        "caches_bytes": _caches_bytes(root),
    }


def identity(root: Path = Path("/")) -> str | None:
    """Return a word that differs between machines but reveals nothing about them, or None.

    A keyed hash of the machine id, as machine-id(5) asks programs to use it. Containers may share their image's.
    """
    machine_id = read_text(root / "etc/machine-id")
    return hmac.new(b"gilscope", machine_id.encode(), "sha256").hexdigest()[:16] if machine_id else None


def cpu_model(root: Path = Path("/")) -> str | None:
    """Return the name of the processor, or None."""
    text = read_text(root / "proc/cpuinfo") or ""
    match = re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    if match:
        return match[1].strip()
    return platform.processor() or None if root == Path("/") else None


def is_virtual(root: Path = Path("/")) -> bool | None:
    """Tell whether this is a virtual machine; None without a sign either way."""
    cpuinfo = read_text(root / "proc/cpuinfo") or ""
    if re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE):
        return True
    vendor = (read_text(root / "sys/class/dmi/id/sys_vendor") or "").lower()
    if any(name in vendor for name in _VIRTUAL_VENDORS):
        return True
    return False if vendor or re.search(r"^flags\s*:", cpuinfo, re.MULTILINE) else None


def available_memory_bytes(root: Path = Path("/")) -> int | None:
    """Return how much memory is available without swapping, or None."""
    return _memory_bytes(root, "MemAvailable", "available")


def _memory_bytes(root: Path, field: str, psutil_field: str) -> int | None:
    match = re.search(rf"^{field}:\s*(\d+) kB", read_text(root / "proc/meminfo") or "", re.MULTILINE)
    if match:
        return int(match[1]) * 1024
    if root != Path("/"):  # a fake tree without the file: do not answer with the real machine
        return None
    try:
        import psutil

        return int(getattr(psutil.virtual_memory(), psutil_field))
    except (ImportError, OSError):
        return None


def _caches_bytes(root: Path) -> dict[str, int]:
    """Return the size of each data cache of the first CPU, e.g. ``{"L1d": 49152, "L2": 2097152}``."""
    folders = cpu_folders(root)
    sizes: dict[str, int] = {}
    for index in sorted((folders[min(folders)] / "cache").glob("index*")) if folders else ():
        level, kind, size = (read_text(index / name) for name in ("level", "type", "size"))
        match = re.fullmatch(r"(\d+)([KMG]?)", size or "")
        if level and match and kind != "Instruction":
            sizes[f"L{level}" + ("d" if kind == "Data" else "")] = int(match[1]) * _UNITS[match[2]]
    return sizes
