"""``gilscope profile``: the comparison for the user's own functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument

from gilscope.cli.output import emit_answer, emit_plan
from gilscope.cli.verb import VerbOptions, verb

if TYPE_CHECKING:
    from gilscope.kernels.user import Request

_TARGETS = ("setup", "items", "check")


@verb
def profile(
    options: VerbOptions,
    targets: Annotated[
        list[str],
        Argument(metavar="TARGET", help="pkg.module:function or path/file.py:function.", show_default=False),
    ],
) -> int:
    """Find the best way to run your own function in parallel, and what stops the others.

    One call is one task. The function is imported from the current folder, as python -m would, in processes of its own.
    Several functions are compared like implementations of one kernel.
    """
    from gilscope.api import measure_functions
    from gilscope.cli import exit_status
    from gilscope.cli.engines import check_engines
    from gilscope.cli.folder import output_folder
    from gilscope.cli.interpreters import chosen
    from gilscope.cli.progress import Provisional, watch
    from gilscope.cli.report import add_report
    from gilscope.cli.vary import parse_vary, vary
    from gilscope.core.errors import UsageError
    from gilscope.env import default_workers, usable_cpus
    from gilscope.profile.functions import DEFAULT_BUDGET_S, Options
    from gilscope.report.sentences.functions import preamble
    from gilscope.results.schema import RESULT_NAME

    name, values = parse_vary(options.text("vary") or "") if options.given("vary") else ("", ())
    requests = [(value, read_request(targets, options, {name: value})) for value in values]
    request = requests[0][1] if requests else read_request(targets, options)
    if requests and len(request.functions) > 1:
        raise UsageError("--vary is for one function: name only one")
    interpreters = chosen(options, ())
    budget_s = (
        DEFAULT_BUDGET_S * max(1, len(interpreters)) * max(1, len(values))
    )  # each gets the time that a single one would have
    study = options.fill(Options, interpreters=interpreters, budget_s=budget_s)
    if study.tasks is not None:
        if options.text("scaling") == "weak":
            raise UsageError("--tasks fixes them altogether: leave out --tasks or --scaling weak")
        study = replace(study, scaling="strong")
    if options.given("dry-run"):
        from gilscope.profile.functions import Functions

        emit_plan(*Functions(request, study).expected(), json=options.given("json"))
        return 0
    workers = study.workers or default_workers(usable_cpus())
    check_engines(study.executors, workers, interpreters[0].executable if interpreters else "")
    quiet = options.given("quiet")
    if requests:
        how = {"quiet": quiet, "json": options.given("json")}
        return vary(requests, name, study, out=options.text("out"), how=how)
    watched = watch(quiet=quiet, budget_s=study.budget_s, first=preamble(request))
    with output_folder(options.text("out")) as folder, watched as progress:
        observer = progress if quiet else Provisional(progress, _verdict_so_far, folder / RESULT_NAME)
        answer = measure_functions(request, study, folder, observer=observer)
    emit_answer(answer, json=options.given("json"), full=options.given("full"))
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def read_request(targets: list[str], options: VerbOptions, more: Mapping[str, Any] = MappingProxyType({})) -> Request:
    """Read what to call and with what: targets, ``--arg``, ``more`` by name, and the targets that make more of it."""
    from gilscope.core.errors import UsageError
    from gilscope.kernels.user import Request
    from gilscope.profile.targets import check_target, own_functions, read_argument, read_work

    folder = Path.cwd()
    arguments = [read_argument(text) for text in options.texts.get("arg", ())]
    arguments += more.items()
    named = [name for name, _ in arguments if name]
    if len(set(named)) < len(named):
        raise UsageError("an argument is given twice: give each --arg name=value once")
    positional, by_name = tuple(v for name, v in arguments if not name), {name: v for name, v in arguments if name}
    helpers: dict[str, Any] = {
        name: check_target(str(options.values[name]), folder) for name in _TARGETS if name in options.values
    }
    if "work" in options.values:
        helpers["flops"], helpers["nbytes"] = read_work(str(options.values["work"]))
    functions, called_with = own_functions(targets, folder), repr((positional, by_name))
    return Request(functions=functions, folder=str(folder), arguments=called_with, **helpers)


def _verdict_so_far(path: Path) -> str:
    from gilscope.analysis import analyse
    from gilscope.report.sentences.functions import about
    from gilscope.results import load

    answer = analyse(load(path))
    return " ".join(text for found in answer.verdict(answer.kernels[0].kernel).functions for text in about(found))
