"""Resuming an interrupted study: what must be the same, and what may differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gilscope.core.cases import Study
from gilscope.core.errors import UsageError
from gilscope.core.records import Environment, ResultSet
from gilscope.results.codec import decode_study
from gilscope.results.surroundings import differences

_OTHER = "measure into another folder with --out"


def continued(earlier: ResultSet, requested: Study | None, *, budget_s: float | None, precision: float | None) -> Study:
    """Return the study to resume: the earlier one, with another budget and precision where given.

    ``requested`` is the study on the command line beside ``--resume``, if any; raises UsageError if it is another one.
    """
    before = decode_study(earlier.study)
    wanted = replace(
        before,
        budget_s=before.budget_s if budget_s is None else budget_s,
        precision=before.precision if precision is None else precision,
    )
    if requested is not None:
        requested = replace(requested, budget_s=wanted.budget_s, precision=wanted.precision)
        names = [name for name in before.__slots__ if getattr(requested, name) != getattr(wanted, name)]
        if names:
            raise UsageError(
                f"{earlier.path} holds another study (different: {', '.join(names)}): "
                "give --resume with the same words or with none, or choose another folder with --out"
            )
    if wanted.functions:
        raise UsageError(
            f"{earlier.path} holds functions of your own, which only gilscope profile measures: "
            "run it again with another --out"
        )
    return wanted


class Resumable(Protocol):
    """An existing result or study."""

    @property
    def path(self) -> str:
        """Of its file."""

    @property
    def tool_version(self) -> str:
        """The gilscope that measured it."""

    @property
    def environment(self) -> Environment:
        """Where it was measured."""


def check_resumable(earlier: Resumable, environment: Environment, tool_version: str) -> None:
    """Raise UsageError, with what differs and the fix, if machine, interpreter or gilscope are not the same."""
    if earlier.tool_version != tool_version:
        raise UsageError(
            f"{earlier.path} was measured with gilscope {earlier.tool_version}, this is {tool_version}: {_OTHER}"
        )
    found = differences(earlier.environment, environment)
    if found:
        raise UsageError(f"{earlier.path} was measured elsewhere ({'; '.join(map(str, found))}): {_OTHER}")
