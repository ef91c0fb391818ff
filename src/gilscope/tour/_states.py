"""In which state the operating system sees a thread or process right now."""

from __future__ import annotations

import os

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability

__all__ = ["STATES", "process_state", "states_available", "thread_state"]

STATES = {  # man 5 proc, field 3 of stat
    "R": "running or runnable",
    "S": "sleeping",
    "D": "waiting for a device",
    "T": "stopped",
    "t": "stopped",
    "Z": "terminated, not yet joined",
    "X": "terminated",
    "I": "idle",
}
GONE = "gone"


def states_available() -> Availability:
    """/proc tells."""
    if os.path.exists("/proc/self/task"):
        return Availability(ok=True)
    return Availability(ok=False, reason="this system does not show the states of threads", cure="use Linux")


def process_state(pid: int) -> str:
    """Return the state of a process in words."""
    return _state(f"/proc/{pid}/stat")


def thread_state(native_id: int) -> str:
    """Return the state of a thread of this process in words."""
    return _state(f"/proc/self/task/{native_id}/stat")


def _state(path: str) -> str:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return GONE
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    letter = text.rpartition(b")")[2].split()[0].decode()  # the name in between may hold anything
    return STATES.get(letter, letter)
