"""What the verbs metg, ipc and startup share: reading their options, running, reporting, the exit status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gilscope.core.errors import UsageError
from gilscope.core.registry import check_names
from gilscope.core.units import parse_duration_s

if TYPE_CHECKING:
    from gilscope.core.records import Environment
    from gilscope.measure.events import Observer
    from gilscope.studies.document import Envelope
    from gilscope.studies.engine import Budgeted
    from gilscope.studies.record import Kind, StudyLog

__all__ = ["carry_out", "common", "exit_status", "laid_out", "one_of", "print_study", "small_duration", "taken_up"]

RequestT = TypeVar("RequestT", bound="Budgeted")

_FAILURES = ("wrong_result", "failed", "timeout")
_TAKEN = ("budget_s", "start_methods", "seed", "dask_scheduler")


def common(asked: Mapping[str, str | None]) -> tuple[dict[str, Any], str | None]:
    """Read the options that all three share, and the folder of the settings.

    Returns
    -------
    (options, folder)
        ``workers`` is the largest count where several are given; what was not given is missing.
    """
    from gilscope.cli.request import read_options
    from gilscope.cli.settings import read_settings

    settings = read_settings(Path.cwd())
    options = read_options({name: text for name, text in asked.items() if name != "out"}, settings)
    taken: dict[str, Any] = {name: options[name] for name in _TAKEN if name in options}
    if "workers" in options:
        taken["workers"] = max(options["workers"])
    else:
        from gilscope.env import usable_cpus

        taken["workers"] = usable_cpus().count
    out = asked.get("out")
    return taken, settings.values.get("out") if out is None else out


def one_of(what: str, text: str | None, known: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read a comma-separated list of known words as ``{what: words}``; nothing where it was not given."""
    if text is None:
        return {}
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise UsageError(f"no {what} in {text!r}: write them with commas, without spaces, like a,b")
    return {what: check_names(what.removesuffix("s"), words, known)}


def small_duration(what: str, text: str | None) -> float | None:
    """Read ``40us`` as seconds; None stays None."""
    return None if text is None else parse_duration_s(text, what=what, example="40us, 2ms or 1s")


def taken_up(
    kind: Kind[RequestT, Any, Any, Any], request: RequestT, given: Mapping[str, str | None], out: str | None
) -> tuple[str | None, RequestT, bool]:
    """Return folder and request to go on with, and whether there is anything: else it is measured from the start.

    Parameters
    ----------
    given : mapping of option to text or None
        What is on the command line beside ``--out``. Where there is more than a budget, it must be the same study.
    """
    from gilscope.cli.folder import DEFAULT_PARENT, newest
    from gilscope.studies.engine import continued

    path = newest(Path(DEFAULT_PARENT), [kind.file_name]) if out is None else Path(out, kind.file_name)
    if path is None or not path.exists():
        return out, request, False
    if path.is_file() and not path.stat().st_size:  # killed before the first line was written
        path.unlink()
        return out, request, False
    words = {name for name, text in given.items() if text is not None}
    budget_s = request.budget_s if "budget" in words else None
    return str(path.parent), continued(kind, path, request if words - {"budget"} else None, budget_s=budget_s), True


def carry_out(
    kind: Kind[RequestT, Any, Any, Any],
    request: RequestT,
    environment: Environment,
    measure: Callable[[StudyLog[RequestT, Any, Any, Any], Observer], None],
    out: str | None,
    *,
    resume: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Measure into the study's file, show what was found; return the exit status.

    Parameters
    ----------
    measure : callable (log, observer)
    resume : bool
        Go on with what is in ``out``.
    """
    from gilscope.cli.folder import output_folder
    from gilscope.cli.progress import watch
    from gilscope.studies import engine

    with (
        output_folder(out, resume=resume, name=kind.file_name) as folder,
        watch(quiet=quiet, budget_s=request.budget_s) as observer,
    ):
        path = folder / kind.file_name
        document = engine.carry_out(kind, path, request, environment, lambda log: measure(log, observer), resume=resume)
    print_study(document, path, json=json)
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
