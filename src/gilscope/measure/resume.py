"""Going on with a study that was interrupted: what must be the same, and what may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gilscope.cases import Study
from gilscope.errors import UsageError
from gilscope.records import Environment, ResultSet
from gilscope.results.codec import decode_study

__all__ = ["check_resumable", "continued"]

_MACHINE = ("identity", "system", "architecture", "cpu_model", "memory_bytes")
_CPUS = ("count", "limit", "logical", "quota_cpus")
_INTERPRETER = ("implementation", "version", "free_threaded", "gil_enabled")
_OTHER = "measure into another folder, and put both side by side with: gilscope compare"


def continued(earlier: ResultSet, asked: Study | None, *, budget_s: float | None, precision: float | None) -> Study:
    """Return the study to go on with: the earlier one, with another budget and precision where they were given.

    Parameters
    ----------
    asked : Study or None
        What stands on the command line beside ``--resume``; None if nothing does.

    Raises
    ------
    UsageError
        If another study was asked for.
    """
    before = decode_study(earlier.study)
    wanted = replace(
        before,
        budget_s=before.budget_s if budget_s is None else budget_s,
        precision=before.precision if precision is None else precision,
    )
    if asked is not None and replace(asked, budget_s=wanted.budget_s, precision=wanted.precision) != wanted:
        differing = [name for name in before.__slots__ if getattr(asked, name) != getattr(wanted, name)]
        names = ", ".join(name for name in differing if name not in ("budget_s", "precision"))
        raise UsageError(
            f"{earlier.path} holds another study (different: {names}): "
            "give --resume with the same words or with none, or choose another folder with --out"
        )
    if wanted.functions:
        raise UsageError(
            f"{earlier.path} holds functions of your own, which only gilscope profile measures: "
            "run it again with another --out"
        )
    return wanted


def check_resumable(earlier: ResultSet, environment: Environment, tool_version: str) -> None:
    """Refuse to add blocks of another machine, interpreter or gilscope to a result.

    Raises
    ------
    UsageError
        With what differs, and the cure.
    """
    if earlier.tool_version != tool_version:
        raise UsageError(
            f"{earlier.path} was measured with gilscope {earlier.tool_version}, this is {tool_version}: {_OTHER}"
        )
    differing = [*_differing(earlier.environment, environment)]
    if differing:
        raise UsageError(f"{earlier.path} was measured elsewhere ({'; '.join(differing)}): {_OTHER}")


def _differing(before: Environment, now: Environment) -> list[str]:
    found = []
    for part, names in (("machine", _MACHINE), ("cpus", _CPUS), ("interpreter", _INTERPRETER)):
        old, new = _part(before, part), _part(now, part)
        found += [f"{part}.{name}: {old[name]} before, {new[name]} now" for name in names if _differs(old, new, name)]
    others = {entry["label"]: entry for entry in now.get("interpreters", ())}
    for old in before.get("interpreters", ()):
        new, label = others.get(old.get("label"), {}), old.get("label")
        found += [f"{label} {name}: {old[name]} before, {new[name]} now" for name in names if _differs(old, new, name)]
    return found


def _part(environment: Environment, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = environment.get(name, {})
    return found


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    return name in old and name in new and old[name] != new[name]
