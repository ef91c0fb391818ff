"""What is kept for the documentation comes from a quiet machine and shows no interval without ends."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gilscope.env.checks import run_checks
from gilscope.env.cpu import usable_cpus
from gilscope.report.labels import MARKS, OPEN

_LOOKS = 10
"""How often the load is read before it is not that of a program which is just ending."""
_OPEN = re.compile(r"±\?|\[-\]|\[\?|\?\]|measured once")
_UNDECIDED = " ".join(MARKS[OPEN])


def busy_now() -> str:
    """Return why nothing should be measured now; empty on a machine that is quiet, or is so within some seconds."""
    why = ""
    for _ in range(_LOOKS):
        why = _load(map(asdict, run_checks(Path("/"), os.environ, usable_cpus())))
        if not why:
            break
        time.sleep(1.0)
    return why


def keep(path: Path, text: str, checks: Iterable[Mapping[str, Any]], shown: str) -> None:
    """Write an example, if it may be shown.

    Parameters
    ----------
    text : str
        Content of the file.
    checks : iterable of mapping
        What the measurement noted about its machine, as its environment has it.
    shown : str
        What the page will show of it.

    Raises
    ------
    SystemExit
        If the machine was busy or an interval is open; the file stays as it was.
    """
    if why := objection(checks, shown):
        raise SystemExit(f"{path.name} stays as it was: {why}")
    path.write_text(text, encoding="utf-8")


def objection(checks: Iterable[Mapping[str, Any]], shown: str) -> str:
    """Return why a measurement may not be shown, in one line; empty if it may."""
    if why := _load(checks):
        return why
    if found := _OPEN.search(shown):
        return f"an interval has no ends, too few blocks: {shown[: found.end()].splitlines()[-1].strip()}"
    return "a case is undecided: give it a larger --budget, or a quieter machine" if _UNDECIDED in shown else ""


def _load(checks: Iterable[Mapping[str, Any]]) -> str:
    warnings = (check["message"] for check in checks if check["name"] == "load" and check["status"] == "warning")
    return next(warnings, "")
