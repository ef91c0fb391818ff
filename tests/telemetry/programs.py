"""Programs that are measured from outside while they run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(program: str, *, executable: str = sys.executable) -> Iterator[subprocess.Popen[str]]:
    """Run a program that says when it is ready, and kill it afterwards."""
    command = [executable, "-W", "ignore", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield child
        finally:
            child.kill()
