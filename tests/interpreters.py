"""Second interpreters for tests: named in ``GILSCOPE_TEST_PYTHONS``, installed here, or built by a program here.

The programs in ``.ci`` look for theirs with it too.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gilscope
from gilscope.core.errors import UsageError
from gilscope.env.interpreters import ask, command_of

VARIABLE = "GILSCOPE_TEST_PYTHONS"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

BUILDER = "freethreaded-python"
"""A program that prints the path of a free-threaded Python; the first time it may have to build it."""
NEWEST = ("3.15", "3.15t")
"""What a beginning minor version changes is tried under both of its builds."""
TOOLS = Path(__file__).resolve().parents[2] / "shared" / "tools"
"""Where that program is looked for, beside PATH: a folder next to this repository. A program ``python`` there does the
same for the version that it is given."""
BUILD_S = 900.0  # three times what a build takes on two cores


def source_folder() -> str:
    """Return where these sources are: with it on PYTHONPATH any Python can import them, without compiled modules."""
    return str(Path(gilscope.__file__).parents[1])


def candidates(*, free_threaded: bool) -> Iterator[str]:
    """Yield paths of what may be such interpreters, the preferred ones first; building comes last."""
    yield from filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    yield from filter(None, (command_of(version + "t" * free_threaded) for version in VERSIONS))
    if free_threaded and built()[0]:
        yield built()[0]


@functools.cache
def found(*, free_threaded: bool) -> str | None:
    """Return the path of another interpreter that can import these sources, or None."""
    for path in candidates(free_threaded=free_threaded):
        try:
            facts = ask(path, ())
        except UsageError:
            continue
        if facts["free_threaded"] == free_threaded and _usable(facts):
            return path
    return None


def missing(*, free_threaded: bool) -> str:
    """Return why ``found`` found none, and the cure."""
    if not free_threaded:
        return f"no second Python that can run gilscope: name some in {VARIABLE}, separated like PATH"
    return f"no free-threaded Python: name one in {VARIABLE}, e.g. /path/to/python3.13t ({built()[1]})"


@functools.cache
def version(name: str) -> tuple[str, str]:
    """Return the path of an interpreter of that version (``3.15``, ``3.15t``), or an empty one and the reason."""
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    for path in (*named, command_of(name)):
        try:
            facts = ask(path, ()) if path else {}
        except UsageError:
            continue
        found = ".".join(map(str, facts.get("version_info", ())[:2])) + "t" * bool(facts.get("free_threaded"))
        if path and found == name:
            return path, ""
    program = shutil.which("python", path=str(TOOLS))
    if program is None:
        return "", f"no Python {name}: name one in {VARIABLE} (there is no program in {TOOLS} that builds it)"
    return _printed([program, name])


@functools.cache
def built() -> tuple[str, str]:
    """Return the path that ``BUILDER`` prints, or an empty one and the reason."""
    program = shutil.which(BUILDER, path=os.pathsep.join([os.environ.get("PATH", ""), str(TOOLS)]))
    if program is None:
        return "", f"no {BUILDER} on PATH or in {TOOLS}"
    return _printed([program])


def _printed(command: list[str]) -> tuple[str, str]:
    """Return the path that a program prints, or an empty one and the reason."""
    program = " ".join(command)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        path, said = process.communicate(timeout=BUILD_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its compilers too: they keep the pipes open
        process.communicate()
        return "", f"{program} did not end within {BUILD_S:g} s"
    if process.returncode:
        return "", f"{program} failed: {' '.join(said.splitlines()[-1:])}"
    return path.strip(), ""


def _usable(facts: dict[str, object]) -> bool:
    another = os.path.realpath(str(facts["executable"])) != os.path.realpath(sys.executable)
    return another and tuple(facts["version_info"]) >= (3, 11)  # type: ignore[arg-type]


def own() -> str:
    """Return the running interpreter, by its path: an environment of the same version must not stand in for it."""
    return sys.executable
