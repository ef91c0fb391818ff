"""Other Pythons in processes of their own: a question whose reply is returned as JSON, or a command and its output."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PLAIN: Mapping[str, str | None] = {"PYTHONHOME": None, "PYTHON_GIL": None}
"""Variables that belong to the running Python alone; with PYTHON_GIL=0 builds with the GIL refuse to start."""

MARK = "gilscope-reply:"  # before the JSON: start-up files of a site and imported modules may print lines too

# Any Python 3 runs it, and the text may have replaced sys.stdout.
_END = f"""
import json, os, sys
os.write(1, ("\\n{MARK}" + json.dumps(reply(*json.loads(sys.argv[1]))) + "\\n").encode())
"""


class NoReplyError(RuntimeError):
    """The other Python could not be run, took too long or failed; the message says why."""


def reply(
    text: str,
    *arguments: Any,
    timeout_s: float,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """Run a text that defines a function ``reply`` in another Python, and return the function's result.

    ``arguments`` and result are JSON. After ``timeout_s`` the process is killed. ``environment`` has all its variables;
    ours by default. Raises NoReplyError.
    """
    command = [python, "-c", text + _END, json.dumps(arguments)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoReplyError(f"no reply within {timeout_s:g} s") from None
    except OSError as error:
        raise NoReplyError(error.strerror or str(error)) from None
    replies = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if replies:
        return json.loads(replies[-1].removeprefix(MARK))
    complaint = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    # A traceback ends with what matters; programs that are not Python, such as shims, begin with it.
    raised = any(line.startswith("Traceback") for line in complaint)
    raise NoReplyError(complaint[-1 if raised else 0][:200])


def run(
    command: Sequence[str],
    output: IO[bytes],
    *,
    timeout_s: float,
    environment: Mapping[str, str | None],
    cwd: Path | None = None,
) -> int | None:
    """Run a command with nothing to read and its output in a file; return its exit status, None after ``timeout_s``.

    ``environment`` as in ``surroundings``. Raises OSError where it cannot be run.
    """
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=surroundings(environment),
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def surroundings(environment: Mapping[str, str | None]) -> dict[str, str]:
    """Return our environment variables for another interpreter, without those that belong to this Python."""
    wanted: dict[str, str | None] = {"PYTHONSAFEPATH": "1", **environment}
    kept = {name: value for name, value in os.environ.items() if name not in wanted}
    return kept | {name: value for name, value in wanted.items() if value is not None}
