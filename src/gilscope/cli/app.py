"""The typer application: the verbs, and how its own usage errors read."""

from __future__ import annotations

import re
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
    ipc,
    kernels,
    list_,
    metg,
    profile,
    report,
    run,
    show,
    startup,
    tour,
    trace,
)
from gilscope.cli.output import emit
from gilscope.cli.verb import help_alone
from gilscope.core.errors import UsageError
from gilscope.core.registry import nearest

HELP_WIDTH = 110

# Newer typer brings click with it, older imports it, and neither exports this class: its child does.
ClickUsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="gilscope",
    # Rich markup would load rich for every --help: 0.31-0.40 s at start instead of 0.13-0.17 s.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)


@app.callback(invoke_without_command=True, help=gilscope.__doc__)
def _gilscope(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        emit(f"gilscope {gilscope.__version__}")
        raise typer.Exit
    help_alone(context)


app.command("run", short_help="Compare kernels: implementations, executors, workers.")(run.run)
app.command("profile", short_help="The best way to run your own function in parallel.")(profile.profile)
app.command("gil", short_help="How a whole program uses the GIL.", context_settings=gil.CONTEXT)(gil.gil)
app.command("metg", short_help="How small tasks may be, executor by executor.")(metg.metg)
app.command("startup", short_help="What workers cost: time and memory.")(startup.startup)
app.command("ipc", short_help="What moving data costs: latency, bandwidth, the stages of a job.")(ipc.ipc)
app.command("audit", short_help="Who switches the GIL back on; which functions release it.")(audit.audit)
app.command("list", short_help="What is here, and why some of it cannot be used.")(list_.list_)
app.command("doctor", short_help="What this machine and interpreter allow.")(doctor.doctor)
app.command("show", short_help="Look at a result again.")(show.show)
app.command("trace", short_help="The timeline of a round.")(trace.trace)
app.command("tour", short_help="The concepts, each a small measured experiment.")(tour.tour)
app.command("report", short_help="Results as one HTML page.")(report.report)
app.command("compare", short_help="Two results, case by case.")(compare.compare)
app.command("export", short_help="A result for other programs.")(export.export)
app.add_typer(env.app, name="env", short_help="Environments for other interpreters: add, list, remove.")
app.add_typer(kernels.app, name="kernels", short_help="Add a kernel: new, digest.")


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
        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("-")]
        message = f"no such option: {error.option_name}{_did_you_mean(error.option_name, known)}"
    elif unknown:
        message = f"no such command: {unknown[1]}{_did_you_mean(unknown[1], error.ctx.command.commands)}"
    # An option without its value is refused before typer knows whose it is.
    path = error.ctx.command_path if error.ctx else f"gilscope {arguments[0]}"
    return f"{message[0].lower()}{message[1:]}; '{path} --help' lists what there is"


def _did_you_mean(word: str, known: Iterable[str | None]) -> str:
    names = {name.strip("-"): name for name in known if name}  # dashes alone make no two words alike
    close = nearest(word.strip("-"), list(names))
    return f", did you mean {names[close]}?" if close else ""
