"""Fresh processes of the interpreter under audit, and what they wrote down."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gilscope.env.interpreter import free_threaded_build
from gilscope.env.interpreters import PLAIN, locate, surroundings
from gilscope.errors import UnavailableError, UsageError

__all__ = ["Outcome", "find_interpreter", "inspect", "run_child"]

Event: TypeAlias = dict[str, Any]

_CHILD = Path(__file__).with_name("_child.py")
_KNOWN = ("3.15t", "3.14t", "3.13t")
_INSPECT_S = 120.0  # reads the metadata of everything installed: a second for hundreds of packages on a slow disk

NO_INTERPRETER = (
    "no free-threaded Python was found: this one has a GIL, and there is none among the environments of 'gilscope env' "
    "or on PATH"
)
INSTALL_CURE = (
    "install one (uv python install 3.14t, or pyenv install 3.14t) and name it: --python /path/to/python3.14t"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a child ended.

    Parameters
    ----------
    events : tuple of dict
        What it wrote down, in order; a torn last line is dropped.
    status : int or None
        Exit status, negative for a signal; None if its time was up and it was killed.
    output : str
        The end of what it printed.
    """

    events: tuple[Event, ...]
    status: int | None
    output: str = ""

    @property
    def complete(self) -> bool:
        """Whether it came to its end."""
        return any(event["event"] == "end" for event in self.events)


def find_interpreter(word: str | None) -> str:
    """Return the path of the interpreter to audit with.

    Parameters
    ----------
    word : str or None
        What ``--python`` understands everywhere: a path, an environment of ``gilscope env``, a version, a command.
        None: this interpreter if it is free-threaded, else the newest free-threaded one found by its version.

    Raises
    ------
    UsageError
        If there is none of that name.
    UnavailableError
        If none was named and there is none.
    """
    if word is not None:
        return locate(word)
    if free_threaded_build():
        return sys.executable
    for version in _KNOWN:
        try:
            return locate(version)
        except UsageError:
            continue
    raise UnavailableError(NO_INTERPRETER, INSTALL_CURE)


def inspect(python: str) -> list[Event]:
    """Ask an interpreter what it is and what is installed in it.

    Raises
    ------
    UnavailableError
        If it does not run.
    """
    outcome = run_child(python, {"action": "inspect"}, timeout_s=_INSPECT_S)
    if not outcome.complete:
        last = outcome.output.strip().rpartition("\n")[2] or f"exit status {outcome.status}"
        raise UnavailableError(f"{python} does not run: {last}", "name another interpreter with --python")
    return list(outcome.events)


def run_child(python: str, request: Mapping[str, Any], *, timeout_s: float) -> Outcome:
    """Run the child with a request; it gets a fresh process in this working folder.

    Without ``PYTHON_GIL``, so that modules decide. After ``timeout_s`` it is killed.
    """
    environment = surroundings(PLAIN)
    with tempfile.TemporaryDirectory(prefix="gilscope-audit-") as folder:
        report, printed = Path(folder, "events"), Path(folder, "output")
        report.touch()
        # The warning that names the culprit must come through whatever filters are set outside.
        command = [python, "-P", "-W", "always:The global interpreter lock:RuntimeWarning", str(_CHILD)]
        with printed.open("wb") as output:
            status = _run([*command, json.dumps({**request, "report": str(report)})], environment, output, timeout_s)
        return Outcome(
            events=_read(report.read_text(encoding="utf-8", errors="replace")),
            status=status,
            output=printed.read_text(encoding="utf-8", errors="replace")[-2000:],
        )


def _run(command: Sequence[str], environment: Mapping[str, str], output: Any, timeout_s: float) -> int | None:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        raise UnavailableError(f"{command[0]} cannot be run: {error.strerror}", INSTALL_CURE) from None


def _read(text: str) -> tuple[Event, ...]:
    events = []
    for line in text.splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return tuple(events)
