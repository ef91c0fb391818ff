"""Writing a result: every line is complete on its own, so whatever ends the program leaves what was measured."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gilscope.errors import ForeignFileError, ResultFileError, UsageError
from gilscope.records import Block, CaseRecord, Environment
from gilscope.results.codec import encode_block, encode_case_record, encode_study
from gilscope.results.schema import SCHEMA, SCHEMA_VERSION
from gilscope.spec import Study

__all__ = ["SYNC_INTERVAL_S", "ResultWriter"]

SYNC_INTERVAL_S = 2.0
"""What a power failure may cost. Killing the program costs nothing: the system has every finished line."""


class ResultWriter:
    """Append a study's cases and blocks to a new result file.

    Parameters
    ----------
    path : Path
        The file to make; folders on the way are made. An existing file is never touched.
    study : Study
    environment : mapping
        From ``env.capture``.
    tool_version : str

    Raises
    ------
    UsageError
        If there is a result already, or the file cannot be made.
    ForeignFileError
        If there is another file.
    """

    def __init__(
        self,
        path: Path,
        study: Study,
        environment: Environment,
        tool_version: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._clock = Path(path), clock
        self._fd: int | None = _create(self._path)
        self._size = 0
        self._synced_s = clock()
        self._append(
            {
                "schema": SCHEMA,
                "schema_version": SCHEMA_VERSION,
                "tool_version": tool_version,
                "study": encode_study(study),
                "environment": environment,
            }
        )

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def case(self, record: CaseRecord) -> None:
        """Append what is known about a case; a later line about the same case replaces this one."""
        self._append({"case": encode_case_record(record)})

    def block(self, block: Block) -> None:
        """Append a block."""
        self._append({"block": encode_block(block)})

    def diagnostic(self, values: Mapping[str, Any]) -> None:
        """Append what a diagnostic round saw: any JSON-able mapping."""
        self._append({"diagnostic": values})

    def close(self) -> None:
        """Bring everything to the disk. Idempotent."""
        if self._fd is not None:
            self._sync()
            os.close(self._fd)
            self._fd = None

    def _append(self, line: Mapping[str, Any]) -> None:
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
        if self._clock() - self._synced_s >= SYNC_INTERVAL_S:
            self._sync()

    def _sync(self) -> None:
        assert self._fd is not None
        with contextlib.suppress(OSError):  # some file systems cannot; the lines are written all the same
            os.fsync(self._fd)
        self._synced_s = self._clock()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _create(path: Path) -> int:
    """Make the file, which must not exist, and return its descriptor."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.parent.is_dir():
            raise _refusal(path) from None
        raise UsageError(f"cannot write to {path}: {error.strerror}; choose another folder with --out") from None


def _refusal(path: Path) -> UsageError | ForeignFileError:
    """Say why an existing file stays as it is."""
    beginning = b""
    with contextlib.suppress(OSError), path.open("rb") as file:
        beginning = file.read(64)
    if SCHEMA.encode() in beginning:
        return UsageError(f"{path} already holds a result: choose another folder with --out")
    return ForeignFileError(f"{path} exists and is no result of gilscope: choose another folder with --out")
