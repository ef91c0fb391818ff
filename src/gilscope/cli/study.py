"""What the verbs metg, ipc and startup share: reading their options, running, reporting, the exit status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from gilscope.errors import UsageError
from gilscope.registry import check_names
from gilscope.units import parse_duration_s

__all__ = ["carry_out", "common", "measured", "one_of", "small_duration"]

_FAILURES = ("failed", "timeout")


class _Render(Protocol):
    def __call__(self, document: Mapping[str, Any], *, width: int, color: bool, path: str | None) -> str: ...


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


def measured(study: Any, options: Mapping[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Run a study whose module has a ``Request``, a ``RUNNER`` and ``measure``; return its document."""
    from gilscope import env
    from gilscope.cli.progress import watch
    from gilscope.studies.host import StudyHost

    request = study.Request(**options)
    environment, workers = env.capture(), getattr(request, "workers", 1)
    with watch(quiet=quiet, budget_s=request.budget_s) as observer, StudyHost(study.RUNNER, workers) as host:
        document: dict[str, Any] = study.measure(request, host, environment, observer)
    return document


def carry_out(
    study: str, run: Callable[[], dict[str, Any]], render: Callable[[], _Render], out: str | None, *, json: bool
) -> int:
    """Measure, write the document, show it; return the exit status.

    Parameters
    ----------
    run : callable () -> document
    render : callable () -> callable
        Imports and returns what lays the document out.
    """
    from gilscope.cli import FAILED, INTERRUPTED, OK
    from gilscope.cli.folder import output_folder
    from gilscope.cli.output import emit, emit_json, shown, stdout_color, stdout_width
    from gilscope.studies.document import write

    with output_folder(out, name=f"{study}.json") as folder:
        document = run()
        path = shown(write(document, folder)) if document["blocks"] or not document["interrupted"] else None
    if json:
        emit_json(document)
    else:
        emit(render()(document, width=stdout_width(), color=stdout_color(), path=path))
    if document["interrupted"]:
        return INTERRUPTED
    return FAILED if any(row["status"] in _FAILURES for row in document["rows"]) else OK
