"""The program as a child of a test: started as a shell would, watched through its result file."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.spaces import in_space

__all__ = ["LONG", "SHORT", "blocks", "finish", "shim", "start", "wait_for_blocks"]

SHORT = ["run", "planted_right", "--implementations", "py_loop", "--executors", "threads,processes", "--workers", "2"]
LONG = [*SHORT, "--budget", "60", "--precision", "0.001%", "--quiet", "--out", "there"]
_SHIM = Path(__file__).with_name("shim.py")


def start(folder: Path, words: Sequence[str], mounting: str = "", **options: Any) -> subprocess.Popen[str]:
    """Start the program in a folder, as a shell would: in a process group of its own; see ``spaces`` for mounting."""
    command = [sys.executable, "-m", "gilscope", *words]
    return _started(folder, in_space(mounting, command) if mounting else command, options)


def shim(folder: Path, words: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """Start the program with the faults of ``shim.py``."""
    return _started(folder, [sys.executable, str(_SHIM), *words], options)


def _started(folder: Path, command: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
    return subprocess.Popen(command, text=True, cwd=folder, start_new_session=True, **options)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; return exit status, output and errors."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out or "", err or ""


def blocks(folder: Path) -> int:
    """Number of blocks in the result so far."""
    try:
        return (folder / "there/result.jsonl").read_bytes().count(b'{"block"')
    except OSError:
        return 0


def wait_for_blocks(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    """Wait until there are so many blocks in the result."""
    deadline = time.monotonic() + 60
    while blocks(folder) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no block within a minute"
        time.sleep(0.05)
