"""Shared memory without a name, where the system has it.

Linux: ``memfd_create``: the descriptor is inherited or sent; no name, no size limit of /dev/shm, nothing left behind
after kill -9. Elsewhere: ``multiprocessing.shared_memory``, unlinked by whoever created it.
"""

from __future__ import annotations

import errno
import mmap
import os
from multiprocessing import shared_memory
from typing import Any

__all__ = ["HAS_MEMFD", "Segment", "why_not_started"]

HAS_MEMFD = hasattr(os, "memfd_create")


class Segment:
    """A block of memory that several processes map.

    Parameters
    ----------
    nbytes : int
        Size in bytes, at least 1.
    fd : int or None
        An open memfd, owned by the segment from now on; None creates a new one (zero-filled).
    name : str or None
        Where there is no memfd: name of an existing block; None creates one.
    """

    def __init__(self, nbytes: int, *, fd: int | None = None, name: str | None = None) -> None:
        self.nbytes = max(1, nbytes)
        self.fd = -1
        self._block: Any = None
        self._owner = fd is None and name is None
        if HAS_MEMFD:
            self.fd = os.memfd_create("gilscope", os.MFD_CLOEXEC) if fd is None else fd
            if fd is None:
                os.ftruncate(self.fd, self.nbytes)
            self.memory: Any = None
        else:
            self._block = shared_memory.SharedMemory(name=name, create=self._owner, size=self.nbytes)
            self.memory = self._block.buf

    @property
    def name(self) -> str | None:
        """Name of the block where there is no memfd, else None."""
        return None if self._block is None else str(self._block.name)

    def map(self) -> Any:
        """Return the memory (writable, ``nbytes`` long), mapped once per segment object.

        Raises
        ------
        MemoryError
            If it cannot be mapped.
        """
        if self.memory is None:
            try:
                self.memory = mmap.mmap(self.fd, self.nbytes)
            except OSError as error:
                raise MemoryError(f"{self.nbytes:,} bytes of shared memory: {error.strerror}") from None
        return self.memory

    def close(self) -> None:
        """Let go of the descriptor and, where it has a name, remove it. Idempotent. Mappings in use stay valid."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._block is not None:
            if self._owner:
                self._block.unlink()
            self._block = None


def why_not_started(name: str, error: BaseException) -> str:
    """Say why a package that makes named semaphores cannot be started: what it raised first, with its cure."""
    first = error
    while (before := first.__cause__ or first.__context__) is not None:
        first = before
    if isinstance(first, OSError) and first.errno == errno.ENOSPC:
        cure = "make room in /dev/shm (docker run --shm-size), or leave it out"
        return f"{name} cannot be started: {first.strerror}; {cure}"
    return f"{name} cannot be started: {' '.join(str(first).split())}"
