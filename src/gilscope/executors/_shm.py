"""Shared memory, without a name where the system can.

Linux: ``memfd_create``, whose descriptor is inherited or sent: no name, no size limit of /dev/shm, nothing left behind
after kill -9. Elsewhere: ``multiprocessing.shared_memory``, unlinked by its creator. Standard library only.
"""

import errno
import mmap
import os
from multiprocessing import shared_memory
from typing import Any

from gilscope.core import pages
from gilscope.executors._tokens import TokenBarrier

BARRIERS = "barriers"  # key of the segment that holds them
HAS_MEMFD = hasattr(os, "memfd_create")


class Segment:
    """A block of memory that several processes map; without ``fd`` and ``name`` a new one, zero-filled.

    ``fd`` is an open memfd, from now on owned by the segment, ``name`` that of an existing block where there is none.
    ``private`` memory stays in this process, on huge pages where the system has them; it may raise MemoryError.
    """

    def __init__(self, nbytes: int, *, fd: int | None = None, name: str | None = None, private: bool = False) -> None:
        self.nbytes = max(1, nbytes)
        self.fd = -1
        self._block: Any = None
        self._owner = fd is None and name is None
        self.memory: Any = None
        if private:
            self.memory = pages.private(self.nbytes)
        elif HAS_MEMFD:
            self.fd = os.memfd_create("gilscope", os.MFD_CLOEXEC) if fd is None else fd
            if fd is None:
                os.ftruncate(self.fd, self.nbytes)
        else:
            self._block = shared_memory.SharedMemory(name=name, create=self._owner, size=self.nbytes)
            self.memory = self._block.buf

    @property
    def name(self) -> str | None:
        """Name of the block where there is no memfd, else None."""
        return None if self._block is None else str(self._block.name)

    def map(self) -> Any:
        """Return the memory, mapped once per segment object, or raise MemoryError."""
        if self.memory is None:
            try:
                self.memory = mmap.mmap(self.fd, self.nbytes)
            except OSError as error:
                raise MemoryError(f"{self.nbytes:,} bytes of shared memory: {error.strerror}") from None
            pages.ask(self.memory)
        return self.memory

    def close(self) -> None:
        """Close the descriptor, or remove the name. Idempotent. Mappings in use stay valid."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self._block is not None:
            if self._owner:
                self._block.unlink()
            self._block = None


class MappedChannel:
    """What channels share: segments by key, and barriers on one of them.

    ``tokens`` are the pipes of ``TokenBarrier``, where the compiled barrier is missing.
    """

    def __init__(self, tokens: Any) -> None:
        self.tokens = tokens
        self.segments: dict[str, Segment] = {}

    def memory(self, key: str) -> Any:
        """Return the memory of a segment taken over before."""
        return self.segments[key].map()

    def barrier(self, slot: int, parties: int, index: int, spin_ns: int) -> Any:
        """Return this worker's view of barrier number ``slot``."""
        if self.tokens is not None:
            return TokenBarrier(index, parties, *self.tokens)
        from gilscope.executors._barrier import NBYTES, Barrier  # compiled, and not every worker needs it

        return Barrier(self.memory(BARRIERS), slot * NBYTES, parties, spin_ns)


def why_not_started(name: str, error: BaseException) -> str:
    """Say why a package that makes named semaphores cannot be started: what was raised first, with its cure."""
    first = error
    while (before := first.__cause__ or first.__context__) is not None:
        first = before
    if isinstance(first, OSError) and first.errno == errno.ENOSPC:
        cure = "make room in /dev/shm (docker run --shm-size), or leave it out"
        return f"{name} cannot be started: {first.strerror}; {cure}"
    return f"{name} cannot be started: {' '.join(str(first).split())}"
