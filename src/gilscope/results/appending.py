"""An append-only file of JSON lines: however the program ends, what was measured is kept."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from gilscope.core.errors import ForeignFileError, ResultFileError, UsageError
from gilscope.results.reader import is_line

try:
    import fcntl
except ImportError:  # not on Windows, where nothing is measured
    fcntl = None  # type: ignore[assignment]

SYNC_INTERVAL_S = 2.0  # what a power failure may cost; if the program is killed, the system has every finished line

_TAIL_BYTES = 1 << 16


class AppendOnlyFile:
    """A result or a study while it is written: every line is complete on its own, and there is one writer at a time.

    ``path`` is made with its folders; an existing file is touched only to ``resume`` it, after its torn last line is
    cut off. ``schema`` is the name in the first line of files of this kind. Raises UsageError if there is such a file
    already (or none, to resume), another gilscope writes it, or it cannot be written; ForeignFileError if there is
    another file.
    """

    def __init__(
        self, path: Path, schema: str, *, resume: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._clock = Path(path), clock
        self._fd: int | None = _reopen(self._path) if resume else _create(self._path, schema)
        self._size = os.fstat(self._fd).st_size
        self._synced_s = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, line: Mapping[str, Any]) -> None:
        """Append a line; raise ResultFileError if it cannot be written. The file has whole lines only."""
        if self._fd is None:
            raise ResultFileError(f"{self._path}: this result is closed")
        data = json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        try:
            _write_all(self._fd, data)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)  # leave whole lines only
            raise ResultFileError(
                f"cannot write to {self._path}: {error.strerror}; what was measured so far is in it"
            ) from error
        self._size += len(data)
        if os.fstat(self._fd).st_nlink == 0:
            raise ResultFileError(f"{self._path} was removed while it was being written: run again")
        if self._clock() - self._synced_s >= SYNC_INTERVAL_S:
            self._sync()

    def close(self) -> None:
        """Write everything to the disk. Idempotent."""
        if self._fd is not None:
            self._sync()
            os.close(self._fd)
            self._fd = None

    def _sync(self) -> None:
        assert self._fd is not None
        with contextlib.suppress(OSError):  # not supported by some file systems; the lines are written all the same
            os.fsync(self._fd)
        self._synced_s = self._clock()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _create(path: Path, schema: str) -> int:
    """Make the file, which must not exist, and return its descriptor."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.parent.is_dir():
            raise _refusal(path, schema) from None
        raise UsageError(f"cannot write to {path}: {error.strerror}; choose another folder with --out") from None
    _lock(fd, path)
    return fd


def _reopen(path: Path) -> int:
    """Open a result to append to it, cut off a torn last line, and return its descriptor."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UsageError(f"cannot resume {path}: {error.strerror}; without --resume a new result is made") from None
    _lock(fd, path)
    _repair(fd)
    return fd


def _repair(fd: int) -> None:
    """Make the file end with a whole line: cut off what the reader leaves out as torn."""
    begin, end = _last_line(fd)
    if begin == end:
        return
    data = os.pread(fd, end - begin, begin)
    if not is_line(data):
        os.ftruncate(fd, begin)
    elif not data.endswith(b"\n"):
        _write_all(fd, b"\n")


def _last_line(fd: int) -> tuple[int, int]:
    """Return where the last line begins and ends, its line feed included."""
    end = os.fstat(fd).st_size
    begin = max(0, end - 1)  # before what may be its line feed
    while begin:
        start = max(0, begin - _TAIL_BYTES)
        found = os.pread(fd, begin - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1, end
        begin = start
    return begin, end


def _lock(fd: int, path: Path) -> None:
    """Keep other writers out while the descriptor is open; file systems without locks are trusted."""
    if fcntl is None:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise UsageError(f"another gilscope is writing {path}: wait for it, or choose another folder") from None
    except OSError:
        return


def _refusal(path: Path, schema: str) -> UsageError | ForeignFileError:
    """Say why an existing file is left as it is."""
    beginning = b""
    with contextlib.suppress(OSError), path.open("rb") as file:
        beginning = file.read(64)
    if f'"{schema}"'.encode() in beginning:
        return UsageError(
            f"{path} already holds a result: choose another folder with --out, or go on with it by --resume"
        )
    return ForeignFileError(f"{path} exists and is not a result of gilscope: choose another folder with --out")
