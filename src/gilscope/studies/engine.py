"""The one entrance of the studies: measure into a file, then make the document from the file."""

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


class Budgeted(Protocol):
    """The request of a study, as far as the engine cares."""

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
    """Measure a study into its file, or go on with the file at ``path``; return its document.

    ``measure`` is not called if the study is complete. Ctrl-C ends it early; what is in the log is kept. Raises
    UsageError if the file cannot be written, or cannot be resumed here.
    """
    record: StudyRecord[RequestT, Any, Any, Any]
    complete = False
    if resume:
        _, record = read_record(path, {kind.name: kind})
        check_resumable(record, environment, __version__)
        # A budget that is no larger than the one that was spent buys nothing more.
        complete = record.ended and request.budget_s <= record.asked.budget_s and any(b.samples for b in record.blocks)
        record.asked = request
    else:
        notes = kind.notes(request)
        record = StudyRecord(path=str(path), asked=request, environment=environment, notes=notes)
    with StudyLog(kind, record, resume=resume) as log:
        try:
            if not complete:
                measure(log)
            log.end()
        except KeyboardInterrupt:
            pass  # the record shows that it is not at its end
    return kind.document(read_record(path, {kind.name: kind})[1])


def continued(
    kind: Kind[RequestT, Any, Any, Any], path: Path, requested: RequestT | None, *, budget_s: float | None
) -> RequestT:
    """Return the request to go on with: the earlier one, with another budget where one was given.

    ``requested`` is what is on the command line beside ``--resume``, or None. Raises UsageError if it differs.
    """
    before: Any = read_record(path, {kind.name: kind})[1].asked
    wanted: RequestT = replace(before, budget_s=before.budget_s if budget_s is None else budget_s)
    if requested is not None:
        differing = [name for name in before.__slots__ if getattr(requested, name) != getattr(wanted, name)]
        if names := ", ".join(name for name in differing if name != "budget_s"):
            raise UsageError(
                f"{path} holds another study (different: {names}): "
                "give --resume with the same options or with none, or choose another folder with --out"
            )
    return wanted
