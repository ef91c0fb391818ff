"""``gilscope profile``: the comparison for the user's own functions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gilscope.cli.options import (
    DaskScheduler,
    Executors,
    Gil,
    Json,
    Out,
    Pin,
    Precision,
    Python,
    Quiet,
    Seed,
    StartMethod,
    Workers,
)

if TYPE_CHECKING:
    from gilscope.kernels.user import Request
    from gilscope.profile.functions import Options

__all__ = ["profile", "read_request"]


def profile(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET...", help="pkg.module:function or path/file.py:function.", show_default=False),
    ],
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", metavar="n=1000", help="An argument, a Python literal; without a name it is positional."),
    ] = None,
    setup: Annotated[
        str | None,
        typer.Option("--setup", metavar="TARGET", help="Called once per worker; returns the arguments: tuple or dict."),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option("--items", metavar="TARGET", help="What the function is mapped over: each item is a task."),
    ] = None,
    check: Annotated[
        str | None, typer.Option("--check", metavar="TARGET", help="Called with results before anything is timed.")
    ] = None,
    executors: Executors = None,
    workers: Workers = None,
    scaling: Annotated[
        str, typer.Option("--scaling", metavar="weak|strong", help="Tasks per worker, or tasks altogether, are fixed.")
    ] = "weak",
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="N", help="So many tasks for every worker count (strong scaling).")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="30s", help="Time from the first timed round on [30s].")
    ] = None,
    precision: Precision = None,
    start_method: StartMethod = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="60s", help="A call that takes longer runs for ever.")
    ] = "60s",
    pin: Pin = None,
    dask_scheduler: DaskScheduler = None,
    seed: Seed = None,
    python: Python = None,
    gil: Gil = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Find the best way to run your own function in parallel, and what stops the others.

    One call is one task. The function is imported from the current folder, as python -m would, in processes of its own.
    Several functions are compared like implementations of one kernel.
    """
    from gilscope.cli.settings import read_settings

    settings = read_settings(Path.cwd())
    request = read_request(targets, arg or [], {"setup": setup, "items": items, "check": check})
    shared = {
        "executors": executors,
        "workers": workers,
        "budget": budget,
        "precision": precision,
        "start-method": start_method,
        "pin": pin,
        "dask-scheduler": dask_scheduler,
        "seed": seed,
    }
    from gilscope.cli.interpreters import chosen
    from gilscope.cli.request import MAX_TASKS, read_options, whole
    from gilscope.core.units import parse_duration_s

    special: dict[str, Any] = {"scaling": scaling, "timeout_s": parse_duration_s(timeout, what="timeout")}
    if tasks is not None:
        special |= {"scaling": "strong", "tasks": whole("tasks", tasks, 1, MAX_TASKS, "64")}
    special["interpreters"] = chosen({"python": ",".join(python) if python else None, "gil": gil}, settings, ())
    read = read_options(shared, settings)
    if special["interpreters"] and "budget_s" not in read:
        special["budget_s"] = _default_budget_s() * len(special["interpreters"])
    options = _options({**read, **special})
    out = settings.values.get("out") if out is None else out
    return _measure(request, options, out, json=json, quiet=quiet)


def read_request(targets: list[str], arguments: list[str], others: Mapping[str, str | None]) -> Request:
    """Read what to call and with what: targets, ``--arg`` and the targets that make more of it.

    Raises
    ------
    UsageError
    """
    from gilscope.core.errors import UsageError
    from gilscope.kernels.user import Request
    from gilscope.profile.targets import check_target, own_functions, read_argument

    folder = Path.cwd()
    read = [read_argument(text) for text in arguments]
    named = [name for name, _ in read if name]
    if len(set(named)) < len(named):
        raise UsageError("an argument stands there twice: give each --arg name=value once")
    return Request(
        functions=own_functions(targets, folder),
        folder=str(folder),
        arguments=repr((tuple(value for name, value in read if not name), {name: v for name, v in read if name})),
        **{what: check_target(target, folder) for what, target in others.items() if target is not None},
    )


def _default_budget_s() -> float:
    """Return what one interpreter gets."""
    from gilscope.profile.functions import DEFAULT_BUDGET_S

    return DEFAULT_BUDGET_S


def _options(values: Mapping[str, Any]) -> Options:
    from gilscope.profile.functions import Options

    return Options(**values)


def _measure(request: Request, options: Options, out: str | None, *, json: bool, quiet: bool) -> int:
    from gilscope.api import measure_functions
    from gilscope.cli.folder import output_folder
    from gilscope.cli.output import emit_answer, shown
    from gilscope.cli.progress import watch
    from gilscope.cli.provisional import Provisional
    from gilscope.cli.report import add_report
    from gilscope.cli.run import exit_status
    from gilscope.report.sentences.functions import preamble
    from gilscope.results.schema import RESULT_NAME

    if not quiet:
        sys.stderr.write(shown(preamble(request)) + "\n")
        sys.stderr.flush()
    with output_folder(out) as folder, watch(quiet=quiet, budget_s=options.budget_s) as progress:
        observer = progress if quiet else Provisional(progress, _verdict_so_far, folder / RESULT_NAME)
        answer = measure_functions(request, options, folder, observer=observer)
    emit_answer(answer, json=json)
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def _verdict_so_far(path: Path) -> str:
    from gilscope.analysis import analyse
    from gilscope.report.sentences import closing
    from gilscope.results import load

    answer = analyse(load(path))
    return closing(answer, answer.kernels[0].kernel)
