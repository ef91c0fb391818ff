"""``gilscope env add | list | remove``: environments for other interpreters."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

from typer import Argument, Option, Typer

from gilscope.cli.help import Contents, Page
from gilscope.cli.output import emit, emit_document, emit_json, write
from gilscope.cli.verb import help_alone

app = Typer(
    cls=Contents,
    callback=help_alone,
    invoke_without_command=True,
    help="Environments with gilscope for other interpreters.",
)


@app.command("add", cls=Page, short_help="Make an environment for an interpreter, or renew it.")
def add(
    interpreter: Annotated[str, Argument(metavar="3.13t|PATH", help="A version, a command or a path of a Python.")],
    source: Annotated[
        str | None,
        Option(
            "--from", metavar="SOURCE", help="A checkout, a wheel or a folder of wheels (default: where this is from)."
        ),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print the environment as JSON and nothing else.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Make a virtual environment for an interpreter and install this gilscope into it.

    Afterwards --python finds it by its name, e.g. 3.13t. From a checkout the extensions are compiled: a minute.
    """
    from gilscope.env import install
    from gilscope.env.interpreters import ListedEnvironment
    from gilscope.report.machine import made_note

    def say(text: str) -> None:
        if not quiet:
            write(sys.stderr, text + "\n")

    made = install.add(interpreter, install.find_source(source), say=say)
    listed = ListedEnvironment.of(made)
    if json:
        emit_json(listed.to_json())
    else:
        emit(made_note(listed))


@app.command("list", cls=Page, short_help="The environments there are.")
def list_(json: Annotated[bool, Option("--json", help="Print them as JSON and nothing else.")] = False) -> None:
    """List the environments: interpreter, what gilscope was installed from, libraries, and whether it can be used."""
    from gilscope.env import environments
    from gilscope.env.interpreters import ListedEnvironment
    from gilscope.report.machine import render_environments

    found = [ListedEnvironment.of(made) for made in environments.environments()]
    where = str(environments.folder())
    listed = [entry.to_json() for entry in found]
    document = {"schema": "gilscope.environments", "schema_version": 1, "folder": where, "environments": listed}
    emit_document(document, partial(render_environments, found, where), json=json)


@app.command("remove", cls=Page, short_help="Remove an environment.")
def remove(name: Annotated[str, Argument(metavar="NAME", help="As 'gilscope env list' names it.")]) -> None:
    """Remove an environment with all its files."""
    from gilscope.env import environments

    emit(f"removed {environments.remove(name)}")
