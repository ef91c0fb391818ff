"""The typer application: the verbs, and how its own usage errors read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

import gilscope
from gilscope.cli import (
    audit,
    compare,
    doctor,
    env,
    export,
    gil,
    history,
    ipc,
    kernels,
    list_,
    metg,
    predict,
    profile,
    report,
    run,
    show,
    startup,
    tour,
    trace,
)
from gilscope.cli.help import GATES_HELP, Contents, Page
from gilscope.cli.output import emit
from gilscope.cli.verb import help_alone
from gilscope.core.errors import UsageError
from gilscope.core.registry import EXECUTORS, nearest

HELP_WIDTH = 110

_GATES = ("test", "pytest", "gate", "ci")  # verbs that newcomers look for

# Newer typer brings click with it, older imports it, and neither exports this class: its child does.
ClickUsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="gilscope",
    # Rich markup would load rich for every --help: 0.31-0.40 s at start instead of 0.13-0.17 s.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    cls=Contents,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)


@app.callback(
    invoke_without_command=True,
    help="Will this code run in parallel in Python, which way, on how many cores, and what stops it?",
)
def _gilscope(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and stop.")] = False,
) -> None:
    if version:
        emit(f"gilscope {gilscope.__version__}")
        raise typer.Exit
    help_alone(context)


VERBS = {
    "Measure": (
        ("profile", profile.profile, "The best way to run your own function in parallel."),
        ("run", run.run, "Compare kernels: implementations, executors, workers."),
        ("gil", gil.gil, "How a whole program uses the GIL."),
        ("predict", predict.predict, "How far it will scale on more CPUs, and what will limit it."),
        ("metg", metg.metg, "How small tasks may be, executor by executor."),
        ("ipc", ipc.ipc, "What moving data costs: latency, bandwidth, the stages of a job."),
        ("startup", startup.startup, "What workers cost: time and memory."),
        ("audit", audit.audit, "Which modules enable the GIL again; which functions release it."),
    ),
    "Look": (
        ("show", show.show, "A result again, or one case of it in full."),
        ("report", report.report, "Results as one HTML page."),
        ("compare", compare.compare, "Two results, case by case."),
        ("history", history.history, "Many runs over time: what changed, and when."),
        ("trace", trace.trace, "The timeline of a round, or of your own function."),
        ("export", export.export, "A result as CSV or JSON; its charts as pictures."),
    ),
    "Prepare": (
        ("doctor", doctor.doctor, "What this machine and interpreter allow."),
        ("list", list_.list_, "Kernels, implementations, executors, and why some cannot be used."),
        ("env", env.app, "Environments for other interpreters: add, list, remove."),
        ("kernels", kernels.app, "Add a kernel: new, digest."),
    ),
    "Learn": (("tour", tour.tour, "The concepts, each a small measured experiment."),),
}

for _panel, _verbs in VERBS.items():
    for _name, _verb, _about in _verbs:
        if isinstance(_verb, typer.Typer):
            app.add_typer(_verb, name=_name, short_help=_about, rich_help_panel=_panel)
        else:
            settings = gil.CONTEXT if _verb is gil.gil else None
            app.command(_name, cls=Page, short_help=_about, rich_help_panel=_panel, context_settings=settings)(_verb)


def dispatch(arguments: Sequence[str]) -> int:
    """Parse the arguments, run the verb, return its exit status; UsageError for what typer refuses."""
    try:
        # Not app(...): that puts an excepthook of typer's in place, and programs under 'gilscope gil' would get it.
        command = typer.main.get_command(app)
        status = command.main(args=list(arguments), prog_name="gilscope", standalone_mode=False)
    except ClickUsageError as error:
        raise UsageError(_explain(error, arguments)) from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit:  # typer's answer to a reader that went away while help was printed
        return 0
    return status if isinstance(status, int) else 0


def _explain(error: Any, arguments: Sequence[str]) -> str:
    """Say in one line what typer refused, with the nearest name and where the names are listed."""
    message = error.format_message().rstrip(".")
    unknown = re.match(r"No such command '(.*?)'", message)
    if hasattr(error, "possibilities"):
        if hint := _executor_meant(error, arguments):
            return f"no such option: {error.option_name}; {hint}"
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("-")]
        if (name := error.option_name.strip("-")) in {parameter.name for parameter in error.ctx.command.params} - {
            option.strip("-").replace("-", "_") for option in known
        }:
            return f"no such option: --{name}; {name} need no option: {error.ctx.command_path} {name.upper()}"
        message = f"no such option: {error.option_name}{_did_you_mean(error.option_name, known)}"
    elif unknown:
        if unknown[1] in _GATES and error.ctx.parent is None:
            return f"no such command: {unknown[1]}; {GATES_HELP}"
        if hint := _target_meant(unknown[1]):
            return f"no such command: {unknown[1]}; {hint}"
        message = f"no such command: {unknown[1]}{_did_you_mean(unknown[1], error.ctx.command.commands)}"
    # An option without its value is refused before typer knows whose it is.
    path = error.ctx.command_path if error.ctx else f"gilscope {arguments[0]}"
    return f"{message[0].lower()}{message[1:]}; '{path} --help' lists what there is"


def _executor_meant(error: Any, arguments: Sequence[str]) -> str:
    """Say how ``--threads 2`` is written; empty where that is not what was meant."""
    name, given = error.option_name, {parameter.name for parameter in error.ctx.command.params}
    executor = name.removeprefix("--")
    if executor not in EXECUTORS or not {"executors", "workers"} <= given:
        return ""
    number = re.search(rf"{name}[ =](\d+)", " ".join(arguments))
    return f"write --executors {executor} --workers {number[1] if number else 'N'}"


def _target_meant(word: str) -> str:
    """Say which verb takes a file, a function or a module; empty where a word names none."""
    word = shlex.quote(word)
    if re.fullmatch(r".*[\w.]:[^\W\d][\w.]*", word):
        return f"for one function: gilscope profile {word}"
    if word.endswith(".py"):
        return f"for one function: gilscope profile {word}:FUNCTION; for the whole program: gilscope gil {word}"
    return ""


def _did_you_mean(word: str, known: Iterable[str | None]) -> str:
    names = {name.strip("-"): name for name in known if name}  # dashes alone make no two words alike
    close = nearest(word.strip("-"), list(names))
    return f", did you mean {names[close]}?" if close else ""
