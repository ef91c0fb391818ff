"""The one entrance of the studies: a file, what is measured into it, and the document that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gilscope import __version__
from gilscope.core.errors import UsageError
from gilscope.core.records import Environment
from gilscope.measure.resume import check_resumable
from gilscope.studies.document import Envelope
from gilscope.studies.record import Kind, StudyLog, StudyRecord, read_record

__all__ = ["carry_out", "continued"]


class Budgeted(Protocol):
    """What a study was asked, as far as the engine cares."""

    @property
    def budget_s(self) -> float:
        """Seconds from the first counted round on."""


RequestT = TypeVar("RequestT", bound=Budgeted)


def carry_out(
    kind: Kind[RequestT, Any, Any, Any],
    path: Path,
    request: RequestT,
    environment: Environment,
    measure: Callable[[StudyLog[RequestT, Any, Any, Any]], None],
    *,
    resume: bool = False,
) -> Envelope:
    """Measure a study into its file, and return its document.

    Parameters
    ----------
    measure : callable (log)
        Not called if the study is complete. Ctrl-C ends it early; what is in the log is kept.
    resume : bool
        Go on with the file at ``path``.

    Raises
    ------
    UsageError
        If the file cannot be written, or holds what cannot be gone on with here.
    """
    record: StudyRecord[RequestT, Any, Any, Any] = StudyRecord(
        path=str(path), asked=request, environment=environment, notes=kind.notes(request)
    )
    complete = False
    if resume:
        _, record = read_record(path, {kind.name: kind})
        check_resumable(record, environment, __version__)
        complete = _complete(record, request.budget_s)
        record.asked = request
    with StudyLog(kind, record, resume=resume) as log:
        try:
            if not complete:
                measure(log)
            log.end()
        except KeyboardInterrupt:
            pass  # the record says that it is not at its end
    return kind.document(read_record(path, {kind.name: kind})[1])


def _complete(record: StudyRecord[Any, Any, Any, Any], budget_s: float) -> bool:
    """Whether a budget buys nothing that a study has not got: it came to its end with no smaller one."""
    return record.ended and any(block.samples for block in record.blocks) and budget_s <= record.asked.budget_s


def continued(
    kind: Kind[RequestT, Any, Any, Any], path: Path, asked: RequestT | None, *, budget_s: float | None
) -> RequestT:
    """Return the request to go on with: the earlier one, with another budget where one was given.

    Parameters
    ----------
    asked : request or None
        What is on the command line beside ``--resume``; None if nothing is.

    Raises
    ------
    UsageError
        If something else was asked for.
    """
    before: Any = read_record(path, {kind.name: kind})[1].asked
    wanted: RequestT = replace(before, budget_s=before.budget_s if budget_s is None else budget_s)
    if asked is not None:
        differing = [name for name in before.__slots__ if getattr(asked, name) != getattr(wanted, name)]
        if names := ", ".join(name for name in differing if name != "budget_s"):
            raise UsageError(
                f"{path} holds another study (different: {names}): "
                "give --resume with the same options or with none, or choose another folder with --out"
            )
    return wanted
