"""What this machine, interpreter and environment are, read once before anything is measured.

Nothing here imports a numeric library or identifies the user: no host name, no user name, no environment variables
except the few that set numbers of threads. Only git and what concerns other interpreters starts processes.
"""

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gilscope.env import checks, commit, interpreter, libraries, machine
from gilscope.env.checks import Check
from gilscope.env.cpu import default_workers, usable_cpus

__all__ = ["capture", "default_workers", "usable_cpus"]


def capture(
    root: Path = Path("/"), environ: Mapping[str, str] = os.environ, *, more: Sequence[Callable[[], Check]] = ()
) -> dict[str, Any]:
    """Return the environment of a result, JSON-able.

    ``machine``, ``cpus`` (fields of `UsableCpus`), ``interpreter``, ``libraries``, ``checks`` (those of ``more`` last),
    ``started_utc``, and ``commit`` within a git repository. ``root`` is where ``proc`` and ``sys`` are; tests use fake
    trees. Raises UsageError if GILSCOPE_MAX_WORKERS is not a whole number above zero.
    """
    usable = usable_cpus(root, environ)
    return {
        "machine": machine.describe(root),
        "cpus": asdict(usable),
        "interpreter": interpreter.describe(),
        "libraries": libraries.describe(),
        "checks": [asdict(check) for check in (*checks.run_checks(root, environ, usable), *(each() for each in more))],
        **({"commit": found} if (found := commit.describe()) else {}),
        "started_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
