"""``gilscope profile``: the comparison for the user's own functions."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.cli.asked import Asked, verb

if TYPE_CHECKING:
    from gilscope.kernels.user import Request
    from gilscope.profile.functions import Options

__all__ = ["profile", "read_request"]

_TARGETS = ("setup", "items", "check")


@verb
def profile(
    asked: Asked,
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET...", help="pkg.module:function or path/file.py:function.", show_default=False),
    ],
) -> int:
    """Find the best way to run your own function in parallel, and what stops the others.

    One call is one task. The function is imported from the current folder, as python -m would, in processes of its own.
    Several functions are compared like implementations of one kernel.
    """
    from gilscope.cli.interpreters import chosen
    from gilscope.profile.functions import DEFAULT_BUDGET_S, Options

    request = read_request(targets, asked)
    interpreters = chosen(asked, ())
    budget_s = DEFAULT_BUDGET_S * max(1, len(interpreters))  # each gets the time that a single one would have
    options = asked.fill(Options, interpreters=interpreters, budget_s=budget_s)
    if options.tasks is not None:
        options = replace(options, scaling="strong")
    return _measure(request, options, asked)


def read_request(targets: list[str], asked: Asked) -> Request:
    """Read what to call and with what: targets, ``--arg`` and the targets that make more of it.

    Raises
    ------
    UsageError
    """
    from gilscope.core.errors import UsageError
    from gilscope.kernels.user import Request
    from gilscope.profile.targets import check_target, own_functions, read_argument

    folder = Path.cwd()
    read = [read_argument(text) for text in asked.words.get("arg", ())]
    named = [name for name, _ in read if name]
    if len(set(named)) < len(named):
        raise UsageError("an argument stands there twice: give each --arg name=value once")
    return Request(
        functions=own_functions(targets, folder),
        folder=str(folder),
        arguments=repr((tuple(value for name, value in read if not name), {name: v for name, v in read if name})),
        **{name: check_target(str(asked.values[name]), folder) for name in _TARGETS if name in asked.values},
    )


def _measure(request: Request, options: Options, asked: Asked) -> int:
    from gilscope.api import measure_functions
    from gilscope.cli.folder import output_folder
    from gilscope.cli.output import emit_answer, shown
    from gilscope.cli.progress import watch
    from gilscope.cli.provisional import Provisional
    from gilscope.cli.report import add_report
    from gilscope.cli.run import exit_status
    from gilscope.report.sentences.functions import preamble
    from gilscope.results.schema import RESULT_NAME

    quiet = asked.given("quiet")
    if not quiet:
        sys.stderr.write(shown(preamble(request)) + "\n")
        sys.stderr.flush()
    with output_folder(asked.text("out")) as folder, watch(quiet=quiet, budget_s=options.budget_s) as progress:
        observer = progress if quiet else Provisional(progress, _verdict_so_far, folder / RESULT_NAME)
        answer = measure_functions(request, options, folder, observer=observer)
    emit_answer(answer, json=asked.given("json"))
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def _verdict_so_far(path: Path) -> str:
    from gilscope.analysis import analyse
    from gilscope.report.sentences import closing
    from gilscope.results import load

    answer = analyse(load(path))
    return closing(answer, answer.kernels[0].kernel)
