"""What this machine, interpreter and environment are: facts read once, before anything is measured.

Nothing here imports a numeric library, and nothing tells who or where the user is: no host name, no user name, no
environment variables but the few that set numbers of threads. Only what is about other interpreters
(``interpreters.py``, ``install.py``) starts processes.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gilscope.env import checks, interpreter, libraries, machine
from gilscope.env.checks import Check
from gilscope.env.cpu import MAX_WORKERS_VARIABLE, UsableCpus, core_groups, default_workers, usable_cpus
from gilscope.env.interpreter import interpreter_label

__all__ = [
    "MAX_WORKERS_VARIABLE",
    "Check",
    "UsableCpus",
    "capture",
    "core_groups",
    "default_workers",
    "interpreter_label",
    "usable_cpus",
]


def capture(
    root: Path = Path("/"), environ: Mapping[str, str] = os.environ, *, more: Sequence[Callable[[], Check]] = ()
) -> dict[str, Any]:
    """Return the environment of a result: JSON-able facts.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are; tests put fake trees there.
    environ : mapping of str to str
    more : sequence of callable () -> Check
        What else is checked, after everything else.

    Returns
    -------
    dict
        ``machine``, ``cpus`` (fields of `UsableCpus`), ``interpreter``, ``libraries``, ``checks`` and ``started_utc``.

    Raises
    ------
    UsageError
        If GILSCOPE_MAX_WORKERS is no whole number above zero.
    """
    usable = usable_cpus(root, environ)
    return {
        "machine": machine.describe(root),
        "cpus": asdict(usable),
        "interpreter": interpreter.describe(),
        "libraries": libraries.describe(),
        "checks": [asdict(check) for check in (*checks.run_checks(root, environ, usable), *(each() for each in more))],
        "started_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
