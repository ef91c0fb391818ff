"""On which pages large buffers lie. Standard library only.

NumPy asks for huge pages for its own arrays from 4 MiB on (``madvise``); on pages of 4 KiB a kernel that is limited by
memory bandwidth reaches three quarters of its speed. Many systems give huge pages to private memory and not to memory
that processes share (Linux: ``shmem_enabled``), so a case in processes is then compared with a T(1) in shared memory.
"""

import contextlib
import ctypes
import mmap
import sys
from pathlib import Path
from typing import Any, Literal, TypeAlias

SMALL = "smallpages"
"""``Case.memory`` of cases with shared buffers where only private ones get huge pages, and of their T(1)."""

FROM_BYTES = 4 << 20  # as NumPy does: smaller arrays miss the TLB rarely

Pages: TypeAlias = Literal["huge", "small", ""]

_FOLDER = Path("/sys/kernel/mm/transparent_hugepage")
_MOSTLY = 0.5


def offered(folder: Path = _FOLDER) -> tuple[bool, bool] | None:
    """Whether private and whether shared memory gets huge pages on request; None where the system does not say."""
    try:
        private, shared = (
            (folder / name).read_text().partition("[")[2].partition("]")[0] for name in ("enabled", "shmem_enabled")
        )
    except OSError:
        return None
    return private in ("always", "madvise"), shared in ("always", "within_size", "advise", "force")


def private_only(nbytes: int, implementation: str) -> bool:
    """Whether so large buffers lie on huge pages only in private memory; pure Python is too slow for it to matter."""
    return nbytes >= FROM_BYTES and implementation != "py_loop" and offered() == (True, False)


def private(nbytes: int) -> mmap.mmap:
    """Return zero-filled private memory, on huge pages where the system gives them; MemoryError without room."""
    try:
        own = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if sys.platform != "win32" else {}
        memory = mmap.mmap(-1, max(1, nbytes), **own)
    except OSError as error:
        raise MemoryError(f"{nbytes:,} bytes of memory: {error.strerror}") from None
    ask(memory)
    return memory


def ask(memory: mmap.mmap) -> None:
    """Ask for huge pages, where they exist and the memory is large."""
    if len(memory) >= FROM_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)


def kind(memory: Any, smaps: Path = Path("/proc/self/smaps")) -> Pages:
    """Return what memory that was written lies on; empty where it is small or the system does not say."""
    if len(memory) < FROM_BYTES:
        return ""
    try:
        middle = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + len(memory) // 2
        return _kind_at(middle, smaps.read_text())
    except (OSError, ValueError, TypeError):
        return ""


def _kind_at(address: int, smaps: str) -> Pages:
    """Read ``/proc/PID/smaps`` (man 5 proc) for the mapping of an address."""
    here, resident = False, 0
    for line in smaps.splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            first, _, last = name.partition("-")
            here = int(first, 16) <= address < int(last, 16)
        elif here and name == "Rss:":
            resident = int(rest.split()[0])
        elif here and name in ("AnonHugePages:", "ShmemPmdMapped:") and (huge := int(rest.split()[0])):
            return "huge" if huge > _MOSTLY * resident else "small"
        elif here and name == "VmFlags:":
            return "small" if resident else ""
    return ""
