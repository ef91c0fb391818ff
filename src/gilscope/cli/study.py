"""What the verbs metg, ipc and startup share: going on, running, reporting, the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gilscope.cli.asked import Asked
    from gilscope.core.records import Environment
    from gilscope.measure.events import Observer
    from gilscope.studies.document import Envelope
    from gilscope.studies.engine import Budgeted
    from gilscope.studies.record import Kind, StudyLog

__all__ = ["carry_out", "exit_status", "laid_out", "print_study", "taken_up", "workers_of"]

RequestT = TypeVar("RequestT", bound="Budgeted")

_FAILURES = ("wrong_result", "failed", "timeout")


def workers_of(asked: Asked) -> int:
    """Return how many workers are asked for: all usable CPUs where nothing is."""
    if "workers" in asked.values:
        return asked.value("workers", 1)
    from gilscope.env import usable_cpus

    return usable_cpus().count


def taken_up(kind: Kind[RequestT, Any, Any, Any], request: RequestT, asked: Asked) -> tuple[str | None, RequestT, bool]:
    """Return folder and request to go on with, and whether there is anything: else it is measured from the start.

    Where the command line says more of what is measured than a budget, it must be the same study.
    """
    from gilscope.cli.folder import begun
    from gilscope.studies.engine import continued

    out = asked.text("out")
    path = begun(out, kind.file_name) if asked.given("resume") else None
    if path is None:
        return out, request, False
    budget_s = request.budget_s if asked.given("budget") else None
    described = asked.measured - {"budget"}
    return str(path.parent), continued(kind, path, request if described else None, budget_s=budget_s), True


def carry_out(
    kind: Kind[RequestT, Any, Any, Any],
    request: RequestT,
    environment: Environment,
    measure: Callable[[StudyLog[RequestT, Any, Any, Any], Observer], None],
    asked: Asked,
    *,
    out: str | None,
    resume: bool,
) -> int:
    """Measure into the study's file, show what was found; return the exit status.

    Parameters
    ----------
    measure : callable (log, observer)
    out : str or None
        The folder that the result goes to.
    resume : bool
        Go on with what is in ``out``.
    """
    from gilscope.cli.folder import output_folder
    from gilscope.cli.progress import watch
    from gilscope.studies import engine

    with (
        output_folder(out, resume=resume, name=kind.file_name) as folder,
        watch(quiet=asked.given("quiet"), budget_s=request.budget_s) as observer,
    ):
        path = folder / kind.file_name
        document = engine.carry_out(kind, path, request, environment, lambda log: measure(log, observer), resume=resume)
    print_study(document, path, json=asked.given("json"))
    return exit_status(document)


def print_study(document: Envelope, path: Path, *, json: bool) -> None:
    """Print a study: as JSON and nothing else, or laid out."""
    from gilscope.cli.output import emit, emit_json, shown, stdout_color, stdout_width
    from gilscope.report.figures import printable
    from gilscope.studies.document import to_json

    if json:
        emit_json(to_json(document))
    else:
        color = stdout_color()
        emit(printable(laid_out(document, width=stdout_width(), color=color, path=shown(path)), color=color))


def laid_out(document: Envelope, *, width: int, color: bool, path: str) -> str:
    """Lay out the document of any study."""
    from gilscope.report.study_ipc import render_ipc
    from gilscope.report.study_metg import render_metg
    from gilscope.report.study_startup import render_startup
    from gilscope.studies.ipc_rows import IpcDocument
    from gilscope.studies.metg import MetgDocument
    from gilscope.studies.startup import StartupDocument

    if isinstance(document, MetgDocument):
        return render_metg(document, width=width, color=color, path=path)
    if isinstance(document, IpcDocument):
        return render_ipc(document, width=width, color=color, path=path)
    assert isinstance(document, StartupDocument)
    return render_startup(document, width=width, color=color, path=path)


def exit_status(document: Envelope) -> int:
    """Return 130 when it was stopped, 1 when something failed, else 0."""
    from gilscope.cli import FAILED, INTERRUPTED, OK

    if document.interrupted:
        return INTERRUPTED
    return FAILED if any(row.status in _FAILURES for row in document.rows) else OK
