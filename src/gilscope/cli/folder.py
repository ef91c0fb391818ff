"""The folder a measurement is written to: made before anything is measured, never over anything that is there."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from gilscope.core.errors import UsageError
from gilscope.results.schema import RESULT_NAME

__all__ = ["DEFAULT_PARENT", "begun", "newest", "output_folder"]

DEFAULT_PARENT = "gilscope-results"
_SAME_SECOND = 100  # attempts at a free name when several runs start in one second


@contextmanager
def output_folder(asked: str | None, *, resume: bool = False, name: str = RESULT_NAME) -> Iterator[Path]:
    """Make the output folder, check that it can be written, and take it away again if nothing was written to it.

    Parameters
    ----------
    asked : str or None
        The folder of ``--out``; None makes ``gilscope-results/<UTC time>`` in the current folder.
    resume : bool
        Whether the folder may hold a result already.
    name : str
        Of the file that will be written.

    Raises
    ------
    UsageError
        If it cannot be made or written, or already holds a result.
    """
    ours = asked is None or not Path(asked).exists()
    folder = _prepared(asked, resume, name)
    try:
        yield folder
    finally:
        if ours and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _prepared(asked: str | None, resume: bool, name: str) -> Path:
    try:
        folder = _fresh() if asked is None else _given(Path(asked), resume, name)
    except FileExistsError:
        raise UsageError(_cannot_write(str(asked), "it is a file")) from None
    except OSError as error:
        raise UsageError(_cannot_write(asked or DEFAULT_PARENT, error.strerror or str(error))) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(_cannot_write(str(folder), os.strerror(errno.EACCES)))
    return folder


def newest(parent: Path, names: Collection[str] = (RESULT_NAME,)) -> Path | None:
    """Return the youngest file of some names in the folders below ``parent``, or None."""
    found = [path for name in names for path in parent.glob(f"*/{name}") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def begun(out: str | None, name: str = RESULT_NAME) -> Path | None:
    """Return the file to go on with, in a folder or the newest one; None where nothing was measured yet."""
    path = newest(Path(DEFAULT_PARENT), [name]) if out is None else Path(out, name)
    if path is None or not path.exists():
        return None
    if path.is_file() and not path.stat().st_size:  # killed before the first line was written
        path.unlink()
        return None
    return path


def _cannot_write(folder: str, why: str) -> str:
    return f"cannot write to {folder!r}: {why}; choose another folder with --out"


def _given(folder: Path, resume: bool, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / name).exists() and not resume:
        raise UsageError(
            f"{str(folder)!r} already holds a {name}: choose another folder with --out, or go on by --resume"
        )
    return folder


def _fresh() -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for attempt in range(_SAME_SECOND):
        folder = Path(DEFAULT_PARENT) / (stamp if attempt == 0 else f"{stamp}-{attempt + 1}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise UsageError(f"no free name like {folder}: name a folder with --out")
