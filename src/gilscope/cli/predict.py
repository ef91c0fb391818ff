"""``gilscope predict``: how far it will scale."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from typer import Argument

from gilscope.cli.output import draws_unicode, emit_document
from gilscope.cli.verb import VerbOptions, verb
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.analysis import Answer

_OF_FUNCTION = ("arg", "setup", "items", "budget", "timeout", "out")


@verb
def predict(
    options: VerbOptions,
    targets: Annotated[
        list[str] | None,
        Argument(
            metavar="RESULT|TARGET",
            help="result.jsonl or its folder (default: the newest); or pkg.module:function, path/file.py:function.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Predict how far your function, or a result, will scale on more CPUs at most, and what will limit it.

    A function is measured first, on one worker and on as many as there are CPUs here. The time that one worker needs
    the GIL, the parent process, locks and the memory for tells how long more workers will wait for each other.
    """
    from gilscope.analysis.predict.model import WORKERS
    from gilscope.analysis.predict.outlook import outlook
    from gilscope.analysis.to_json import part_to_json
    from gilscope.report.terminal.predict import render_outlook

    workers = options.value("workers", WORKERS)
    cpus = options.value("cpus", cast("int | None", None))
    changes = options.value("what-if", ())
    answer = _answer(targets or [], options)
    found = outlook(answer, workers=workers, cpus=cpus, changes=changes)
    if not found.cases:
        raise UsageError(f"nothing in {answer.result!r} was measured on several workers: give it --workers 1,2")
    emit_document(
        part_to_json(found),
        partial(render_outlook, found, answer, unicode=draws_unicode()),
        json=options.given("json"),
    )
    return 0


def _answer(targets: list[str], options: VerbOptions) -> Answer:
    """Measure functions, or read the one result that is named."""
    functions = [target for target in targets if ":" in target and not Path(target).exists()]
    if functions and len(functions) < len(targets):
        raise UsageError("name functions or one result, not both")
    if functions:
        return _measured(functions, options)
    if wrong := next(filter(options.given, _OF_FUNCTION), None):
        raise UsageError(f"--{wrong} is for a function; see 'gilscope predict --help'")
    if len(targets) > 1:
        raise UsageError(f"name one result, not {len(targets)}: each is predicted by itself")

    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.cli.show import locate

    return analyse(results.load(locate(next(iter(targets), None))))


def _measured(targets: list[str], options: VerbOptions) -> Answer:
    from gilscope.api import measure_functions
    from gilscope.cli.folder import output_folder
    from gilscope.cli.profile import read_request
    from gilscope.cli.progress import watch
    from gilscope.profile.functions import Options

    request = read_request(targets, options)
    study = options.fill(Options, executors=("serial", "threads", "processes"))
    quiet = options.given("quiet")
    with output_folder(options.text("out")) as folder, watch(quiet=quiet, budget_s=study.budget_s) as observer:
        return measure_functions(request, study, folder, observer=observer)
