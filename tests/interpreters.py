"""Second interpreters for tests: those that ``GILSCOPE_TEST_PYTHONS`` names, or that are found here."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

import gilscope
from gilscope.env.interpreters import ask, command_of
from gilscope.errors import UsageError

VARIABLE = "GILSCOPE_TEST_PYTHONS"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

MISSING = f"no second Python that can run gilscope: name some in {VARIABLE}, separated like PATH"
NO_FREE_THREADING = f"no free-threaded Python: name one in {VARIABLE}, e.g. /path/to/python3.13t"


def source_folder() -> str:
    """Return where these sources are: with it on PYTHONPATH any Python can import them, without compiled modules."""
    return str(Path(gilscope.__file__).parents[1])


@functools.cache
def found(*, free_threaded: bool) -> str | None:
    """Return the path of another interpreter that can import these sources, or None."""
    named = [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]
    commands = [command_of(version + ("t" if free_threaded else "")) for version in VERSIONS]
    for path in filter(None, (*named, *commands)):
        try:
            facts = ask(path, ())
        except UsageError:
            continue
        if facts["free_threaded"] == free_threaded and _usable(facts):
            return path
    return None


def _usable(facts: dict[str, object]) -> bool:
    another = os.path.realpath(str(facts["executable"])) != os.path.realpath(sys.executable)
    return another and tuple(facts["version_info"]) >= (3, 11)  # type: ignore[arg-type]


def own() -> str:
    """Return the running interpreter, by its path: an environment of the same version must not stand in for it."""
    return sys.executable
