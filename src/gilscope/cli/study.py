"""What the verbs metg, ipc and startup share: going on, running, reporting, the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gilscope.cli.output import emit, emit_json, shown, stdout_color, stdout_width

if TYPE_CHECKING:
    from gilscope.cli.verb import VerbOptions
    from gilscope.core.records import Environment
    from gilscope.measure.events import Observer
    from gilscope.studies.document import Envelope
    from gilscope.studies.engine import Budgeted
    from gilscope.studies.record import Kind, StudyLog

RequestT = TypeVar("RequestT", bound="Budgeted")


def workers_of(options: VerbOptions) -> int:
    """Return the number of workers that was given: all usable CPUs where none was."""
    from gilscope.env import usable_cpus

    return options.value("workers", 0) or usable_cpus().count


def taken_up(
    kind: Kind[RequestT, Any, Any, Any], request: RequestT, options: VerbOptions
) -> tuple[str | None, RequestT, bool]:
    """Return folder and request to go on with, and whether there is any; what was asked anew must be the same study."""
    from gilscope.cli.folder import begun
    from gilscope.studies.engine import continued

    path = begun(options, kind.file_name)
    if path is None:
        return options.text("out"), request, False
    budget_s = request.budget_s if options.given("budget") else None
    described = options.measured - {"budget"}
    return str(path.parent), continued(kind, path, request if described else None, budget_s=budget_s), True


def carry_out(
    kind: Kind[RequestT, Any, Any, Any],
    request: RequestT,
    environment: Environment,
    measure: Callable[[StudyLog[RequestT, Any, Any, Any], Observer], None],
    options: VerbOptions,
    *,
    out: str | None,
    resume: bool,
) -> int:
    """Measure into the study's file in the folder ``out``, show what was found; return the exit status."""
    from gilscope.cli import exit_status
    from gilscope.cli.folder import output_folder
    from gilscope.cli.progress import watch
    from gilscope.studies import engine

    with (
        output_folder(out, resume=resume, name=kind.file_name) as folder,
        watch(quiet=options.given("quiet"), budget_s=request.budget_s) as observer,
    ):
        path = folder / kind.file_name
        document = engine.carry_out(kind, path, request, environment, lambda log: measure(log, observer), resume=resume)
    print_study(document, path, json=options.given("json"))
    return exit_status(document)


def print_study(document: Envelope, path: Path, *, json: bool) -> None:
    """Print a study: as JSON and nothing else, or laid out."""
    from gilscope.report.figures import printable
    from gilscope.report.study_ipc import render_ipc
    from gilscope.report.study_metg import render_metg
    from gilscope.report.study_startup import render_startup
    from gilscope.studies.document import to_json

    renderers: dict[str, Callable[..., str]] = {"metg": render_metg, "ipc": render_ipc, "startup": render_startup}
    if json:
        emit_json(to_json(document))
    else:
        color = stdout_color()
        laid_out = renderers[document.study](document, width=stdout_width(), color=color, path=shown(path))
        emit(printable(laid_out, color=color))
