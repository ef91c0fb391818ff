"""``gilscope env add | list | remove``: environments for other interpreters."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

__all__ = ["add", "app", "list_", "remove"]

app = typer.Typer(no_args_is_help=False)


@app.callback(invoke_without_command=True, help="Environments with gilscope for other interpreters.")
def _env(context: typer.Context) -> None:
    from gilscope.cli.output import emit

    if context.invoked_subcommand is None:
        emit(context.get_help())


@app.command("add", short_help="Make an environment for an interpreter, or renew it.")
def add(
    interpreter: Annotated[
        str, typer.Argument(metavar="3.13t|PATH", help="A version, a command or a path of a Python.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="SOURCE", help="A checkout, a wheel or a folder of wheels [where this is from]."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the environment as JSON and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> int:
    """Make a virtual environment for an interpreter and install this gilscope into it.

    Afterwards --python finds it by its name, e.g. 3.13t. From a checkout the extensions are compiled: a minute.
    """
    from gilscope.cli.output import emit, emit_json, write
    from gilscope.env import install
    from gilscope.env.interpreters import ListedEnvironment
    from gilscope.report.machine import made_note

    def say(text: str) -> None:
        if not quiet:
            write(sys.stderr, text + "\n")

    made, missing = install.add(interpreter, install.find_source(source), say=say)
    listed = ListedEnvironment.of(made)
    if json:
        emit_json(listed.to_json())
    else:
        emit(made_note(listed, missing))
    return 0


@app.command("list", short_help="The environments there are.")
def list_(
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON and nothing else.")] = False,
) -> int:
    """List the environments: interpreter, what gilscope was installed from, libraries, and whether it can be used."""
    from gilscope.cli.output import emit, emit_json, stdout_color, stdout_width
    from gilscope.env import environments
    from gilscope.env.interpreters import ListedEnvironment
    from gilscope.report.machine import render_environments

    found = [ListedEnvironment.of(made) for made in environments.environments()]
    where = str(environments.folder())
    if json:
        listed = [entry.to_json() for entry in found]
        emit_json({"schema": "gilscope.environments", "schema_version": 1, "folder": where, "environments": listed})
    else:
        emit(render_environments(found, where, width=stdout_width(), color=stdout_color()))
    return 0


@app.command("remove", short_help="Remove an environment.")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'gilscope env list' names it.")],
) -> int:
    """Remove an environment with all its files."""
    from gilscope.cli.output import emit
    from gilscope.env import environments

    emit(f"removed {environments.remove(name)}")
    return 0
