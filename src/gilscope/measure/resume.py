"""Going on with a study that was interrupted: what must be the same, and what may differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gilscope.core.cases import Study
from gilscope.core.errors import UsageError
from gilscope.core.records import Environment, ResultSet
from gilscope.results.codec import decode_study
from gilscope.results.surroundings import differences

__all__ = ["check_resumable", "continued"]

_OTHER = "measure into another folder with --out"


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


class Measured(Protocol):
    """A result or a study that is there already."""

    @property
    def path(self) -> str:
        """Of its file."""

    @property
    def tool_version(self) -> str:
        """What it was measured with."""

    @property
    def environment(self) -> Environment:
        """Where it was measured."""


def check_resumable(earlier: Measured, environment: Environment, tool_version: str) -> None:
    """Refuse to add blocks of another machine, interpreter or gilscope to a result or a study.

    Raises
    ------
    UsageError
        With what differs, and the fix.
    """
    if earlier.tool_version != tool_version:
        raise UsageError(
            f"{earlier.path} was measured with gilscope {earlier.tool_version}, this is {tool_version}: {_OTHER}"
        )
    found = differences(earlier.environment, environment)
    if found:
        raise UsageError(f"{earlier.path} was measured elsewhere ({'; '.join(map(str, found))}): {_OTHER}")
