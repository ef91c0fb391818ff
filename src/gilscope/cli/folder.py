"""The folder a measurement is written to: made before anything is measured, never over anything that is there."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.cli.output import cannot_write
from gilscope.core.errors import UsageError
from gilscope.results.schema import RESULT_NAME

if TYPE_CHECKING:
    from gilscope.cli.verb import VerbOptions

DEFAULT_PARENT = "gilscope-results"
_SAME_SECOND = 100  # attempts at a free name when several runs start in one second


@contextmanager
def output_folder(out: str | None, *, resume: bool = False, name: str = RESULT_NAME) -> Iterator[Path]:
    """Make the output folder, check that it can be written, and remove it again if nothing was written to it.

    Without ``out`` it is ``gilscope-results/<UTC time>``; with ``resume`` it may hold the file ``name`` already.
    UsageError if it cannot be made or written, or already holds one.
    """
    ours = out is None or not Path(out).exists()
    try:
        folder = _fresh() if out is None else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / name).exists() and not resume:
            raise UsageError(
                f"{str(folder)!r} already holds a {name}: choose another folder with --out, or go on by --resume"
            )
    except FileExistsError:
        raise cannot_write(str(out), "it is a file", "folder") from None
    except OSError as error:
        raise cannot_write(out or DEFAULT_PARENT, error.strerror or str(error), "folder") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise cannot_write(folder, os.strerror(errno.EACCES), "folder")
    try:
        yield folder
    finally:
        if ours and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            if out is None and not any(folder.parent.iterdir()):
                folder.parent.rmdir()


def newest(parent: Path, names: Collection[str] = (RESULT_NAME,), *, measured: bool = False) -> Path | None:
    """Return the newest file of some names in the folders below ``parent``, or None.

    With ``measured`` those come first that hold a block: a start that failed is not the newest result.
    """
    found = [path for name in names for path in parent.glob(f"*/{name}") if path.is_file()]
    found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return next(filter(_has_block, found) if measured else iter(found), next(iter(found), None))


def _has_block(path: Path) -> bool:
    with path.open("rb") as file:  # documents of earlier versions have no lines
        return path.suffix == ".json" or any(line.startswith(b'{"block"') for line in file)


def begun(options: VerbOptions, name: str = RESULT_NAME) -> Path | None:
    """Return the file that ``--resume`` goes on with, None where nothing is to be; UsageError if none is there."""
    if not options.given("resume"):
        return None
    out = options.text("out")
    path = newest(Path(DEFAULT_PARENT), [name]) if out is None else Path(out, name)
    if path is None or not path.exists():
        raise UsageError(f"nothing to resume in {out or DEFAULT_PARENT!r}: leave out --resume to begin")
    if path.is_file() and not path.stat().st_size:  # killed before the first line was written
        path.unlink()
        return None
    return path


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
