"""The options ``--python`` and ``--gil`` of the measuring verbs."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gilscope.cli.verb import VerbOptions
    from gilscope.core.records import Environment
    from gilscope.env.interpreters import Gil, Interpreter
    from gilscope.results.surroundings import Python


def chosen(options: VerbOptions, kernels: Sequence[str]) -> tuple[Interpreter, ...]:
    """Find the interpreters of ``--python`` and ``--gil`` that shall run the kernels; none means the running one."""
    text, gil = options.text("python"), options.text("gil")
    if text is None and gil is None:
        return ()
    from gilscope.cli.output import complain
    from gilscope.env.interpreters import choose

    names: list[str] = []
    if text is not None:  # a path with a comma in it stays whole; an empty text is a name that nothing is found by
        names = [text] if Path(text).is_file() else [name.strip() for name in text.split(",")]
    found = choose(names, cast("Gil | None", gil), kernels)
    for entry in found:
        if gil == "both" and not entry.free_threaded:
            complain(f"{entry.label} was built with the GIL: it is measured as it is")
    return found


def reopened(folder: Path, environment: Environment, kernels: Sequence[str]) -> tuple[Interpreter, ...]:
    """Find the interpreters of the result in ``folder`` again, by its environment, to go on with it.

    UsageError if one is gone, or is known from the file alone: a result from elsewhere could name any program.
    """
    from gilscope.core.errors import UsageError
    from gilscope.env.interpreters import reopen
    from gilscope.results.surroundings import Surroundings

    entries = Surroundings.of(environment).interpreters
    strange = [entry for entry in entries if not _found_here(entry)]
    if strange or not entries:
        program = strange[0].executable if strange else "no interpreter"
        raise UsageError(
            f"{folder} names {program}, which would be run: to go on with it repeat the words of the first time, "
            "--python among them, or choose another folder with --out"
        )
    return tuple(reopen(entry.label, entry.executable, entry.gil_asked, kernels) for entry in entries)


def _found_here(entry: Python) -> bool:
    """Whether the program that a result names is the running one, one of our environments, or a command of its name."""
    from gilscope.env import environments
    from gilscope.env.interpreters import at_path, command_of

    version = re.fullmatch(r"(\d+\.\d+(?:\.\d+)?t?)(?:-\d+)?(?:\+gil)?", entry.label)
    if version is None or not entry.executable:  # any other name may be any other program
        return False
    try:
        path = at_path(Path(entry.executable).expanduser())
    except RuntimeError:  # the home of a user who is not here
        return False
    ours = (str(made.python) for made in environments.environments())
    return path in (sys.executable, *ours, command_of(version[1]))
