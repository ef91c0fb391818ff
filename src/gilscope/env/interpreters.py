"""Other interpreters: found by a word, asked about themselves, named for case ids.

Every interpreter is asked by running ``_about.py`` under it; nothing is read off a file name.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import gilscope
from gilscope.core.errors import UsageError
from gilscope.core.registry import check_names
from gilscope.env import _about, environments
from gilscope.env.closure import runner_files
from gilscope.env.interpreter import free_threaded_build, interpreter_label, without_home
from gilscope.env.libraries import LIBRARIES

__all__ = [
    "GIL_WORDS",
    "Gil",
    "Interpreter",
    "ListedEnvironment",
    "OLDEST",
    "PLAIN",
    "ask",
    "at_path",
    "choose",
    "command_of",
    "described",
    "locate",
    "own_source",
    "reopen",
    "stale",
    "surroundings",
]

Gil: TypeAlias = Literal["on", "off", "both"]
GIL_WORDS: tuple[Gil, ...] = ("on", "off", "both")

OLDEST = (3, 11)
PLAIN: Mapping[str, str | None] = {"PYTHONHOME": None, "PYTHON_GIL": None}
"""Variables that belong to the running Python alone; with PYTHON_GIL=0 builds with the GIL refuse to start."""

_ASK_TIMEOUT_S = 60.0  # a cold import of everything on a slow disk, with room
_OWN_FOLDER = os.path.dirname(os.path.abspath(gilscope.__file__))
_FOLDERS = ("bin", "Scripts")  # of virtual environments
_SHIMS = "shims"  # folder of pyenv's programs that choose an interpreter, or complain
_VALUES: Mapping[Gil, str] = {"off": "0", "on": "1"}  # of PYTHON_GIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python executable and the state of its GIL: one value of the interpreter axis.

    Parameters
    ----------
    label : str
        Its name in case ids: ``3.13``, ``3.13t``, ``3.13t+gil``; with the patch version or a number where that is
        needed to tell two apart.
    executable : str
        Path of the program.
    environment : mapping of str to (str or None)
        Variables its processes are started with; None takes one away.
    facts : mapping
        What it said about itself (``_about.about``).
    """

    label: str
    executable: str
    environment: Mapping[str, str | None] = field(default_factory=lambda: PLAIN)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def free_threaded(self) -> bool:
        """Whether it was built so that it can run without the GIL."""
        return bool(self.facts["free_threaded"])

    @property
    def gil_enabled(self) -> bool:
        """Whether it starts with the GIL."""
        return bool(self.facts["gil_enabled"])

    def describe(self) -> dict[str, Any]:
        """Return what a result keeps of it; JSON-able, without the name of the user."""
        kept = ("implementation", "version", "free_threaded", "gil_enabled", "compiler", "libraries")
        return {
            "label": self.label,
            **{name: self.facts[name] for name in kept if name in self.facts},
            "executable": without_home(self.executable),
            "gil_asked": _asked_by(self.environment.get("PYTHON_GIL")) or "",
        }


def described(interpreters: Sequence[Interpreter]) -> dict[str, Any]:
    """Return what a result's environment says about the interpreters of a study; nothing where there are none."""
    return {"interpreters": [entry.describe() for entry in interpreters]} if interpreters else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEnvironment:
    """An environment, and why it cannot be used for measuring; empty if it can."""

    environment: environments.Environment
    problem: str

    @classmethod
    def of(cls, made: environments.Environment) -> ListedEnvironment:
        """Find out whether an environment can be used."""
        return cls(environment=made, problem=made.problem or stale(made.record.gilscope, made.record.source))

    def to_json(self) -> dict[str, Any]:
        """Return it as ``gilscope env list --json`` has it."""
        made, facts = self.environment, self.environment.record.to_json()
        version = facts.pop("python", "")
        head = {"name": made.name, "path": str(made.path), "python": str(made.python), "problem": self.problem}
        return {**head, **facts, "version": version}


def choose(words: Sequence[str], gil: Gil | None, kernels: Sequence[str]) -> tuple[Interpreter, ...]:
    """Find, ask and name the interpreters of a study.

    Parameters
    ----------
    words : sequence of str
        As given with ``--python``; empty with a ``gil`` means the running one.
    gil : {"on", "off", "both"} or None
        How free-threaded builds are run; None as they start by themselves.
    kernels : sequence of str
        What they are asked about.

    Returns
    -------
    tuple of Interpreter
        In the order of the words, without the GIL before with it; empty when nothing was asked for.

    Raises
    ------
    UsageError
        If one cannot be found, cannot run gilscope, has another version of it, or cannot do as ``gil`` says.
    """
    if gil is not None:
        check_names("state of the GIL", (gil,), GIL_WORDS)
    paths = list(dict.fromkeys(locate(word) for word in words or ([sys.executable] if gil else [])))
    found = [_checked(path, ask(path, kernels)) for path in paths]
    if found and gil in ("off", "both") and not any(entry.free_threaded for entry in found):
        raise UsageError(
            f"--gil {gil} needs a free-threaded build, and {_names(found)} {'is' if len(found) == 1 else 'are'} none: "
            "name one, e.g. --python 3.13t"
        )
    named = _told_apart(found)
    return tuple(state for entry in named for state in _states(entry, gil, kernels))


def reopen(label: str, executable: str, gil_asked: str, kernels: Sequence[str]) -> Interpreter:
    """Find an interpreter of a result again, in the same state of its GIL.

    Parameters
    ----------
    label, executable, gil_asked : str
        As ``describe`` wrote them down.

    Raises
    ------
    UsageError
        If it is gone or can no longer run gilscope.
    """
    path = at_path(Path(executable).expanduser())
    value = next((text for state, text in _VALUES.items() if state == gil_asked), None)
    environment = {**PLAIN, "PYTHON_GIL": value}
    found = _checked(path, ask(path, kernels, environment))
    return replace(found, label=label, environment=environment)


def _names(found: Sequence[Interpreter]) -> str:
    return ", ".join(entry.label for entry in found)


def locate(word: str) -> str:
    """Return the path of the program meant by a word: a path, an environment of ours, a version, or a command.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not word.strip():
        raise UsageError("--python needs a name or a path: write it like 3.13t, python3.12 or /path/to/python")
    if os.sep in word or (os.altsep and os.altsep in word) or word.startswith("~"):
        return at_path(Path(word).expanduser())
    known = environments.find(word)
    if known is not None:
        return str(known)
    if word == interpreter_label(sys.version_info[:2], free_threaded=free_threaded_build(), gil=False):
        return sys.executable
    path = command_of(word)
    if path is None:
        raise UsageError(
            f"no interpreter {word!r}: neither an environment of 'gilscope env list' nor a command; "
            f"make one with: gilscope env add {word}, or name it by its path"
        )
    return path


def command_of(word: str) -> str | None:
    """Return the program of a command or version, on the PATH or where pyenv and uv keep theirs; None without any."""
    command = f"python{word}" if word[:1].isdigit() else word
    path = shutil.which(command)
    if path is not None and Path(path).parent.name != _SHIMS:
        return path
    return next(_installed_by_tools(command), path)


def _installed_by_tools(command: str) -> Iterator[str]:
    """Yield interpreters that pyenv and uv keep beside the PATH, newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    for folder in (pyenv, uv):
        for path in sorted(folder.glob(f"*/bin/{glob.escape(command)}"), reverse=True):
            if os.access(path, os.X_OK):
                yield str(path)


def at_path(path: Path) -> str:
    """Return the program at a path, which may be the folder of an environment or installation.

    Raises
    ------
    UsageError
        If there is none.
    """
    inside = [path / folder / name for folder in _FOLDERS for name in ("python", "python3", "python.exe")]
    versioned = sorted(found for found in path.glob("bin/python3.*") if not found.name.endswith("-config"))
    for candidate in (path, *inside, *versioned):
        if candidate.is_file():
            return os.path.abspath(candidate)  # not resolved: a virtual environment's python is a link to its base
    raise UsageError(f"no interpreter at {str(path)!r}: name its program, e.g. {path / 'bin' / 'python'}")


def ask(path: str, kernels: Sequence[str], environment: Mapping[str, str | None] = PLAIN) -> dict[str, Any]:
    """Let an interpreter tell about itself.

    Raises
    ------
    UsageError
        If it cannot be run or does not answer.
    """
    asked = {
        "gilscope": gilscope.__version__,
        "source": own_source(),
        "files": _own_files(),
        "kernels": [*kernels],
        "libraries": [*LIBRARIES],
    }
    variables = surroundings(environment)
    try:
        done = subprocess.run(
            [path, "-c", Path(_about.__file__).read_text(encoding="utf-8"), json.dumps(asked)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_TIMEOUT_S,
            env=variables,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{path} did not answer within {_ASK_TIMEOUT_S:g} s: is it a Python?") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be run: {error.strerror}; name a Python program") from None
    line = next((line for line in done.stdout.splitlines() if line.startswith(_about.MARK)), None)
    if line is None:
        said = done.stderr.strip().splitlines() or ["nothing"]
        last = said[-1] if said[0].startswith("Traceback") else said[0]
        raise UsageError(f"{path} cannot run gilscope: it said {last[:200]!r}; name another Python")
    facts: dict[str, Any] = json.loads(line.removeprefix(_about.MARK))
    return facts


def surroundings(environment: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment variables for another interpreter: ours, but for those that belong to this Python."""
    wanted: dict[str, str | None] = {"PYTHONSAFEPATH": "1", **environment}
    kept = {name: value for name, value in os.environ.items() if name not in wanted}
    return kept | {name: value for name, value in wanted.items() if value is not None}


def stale(version: str | None, source: str | None) -> str:
    """Say why a gilscope of this version and source digest cannot measure for this one, or nothing."""
    if version != gilscope.__version__:
        return f"has gilscope {version}, this is {gilscope.__version__}"
    return "" if source == own_source() else "has this version of gilscope from other sources"


@cache
def own_source() -> str:
    """Return the digest of what our own runners execute."""
    return _about.source_digest(_OWN_FOLDER, _own_files())


@cache
def _own_files() -> tuple[str, ...]:
    return runner_files(_OWN_FOLDER)


def _checked(path: str, facts: Mapping[str, Any]) -> Interpreter:
    """Name an interpreter that can run our runners.

    Raises
    ------
    UsageError
        If it cannot, with the command that cures it.
    """
    version = tuple(facts["version_info"])
    free_threaded = bool(facts["free_threaded"])
    label = interpreter_label(version[:2], free_threaded=free_threaded, gil=False)
    if facts["implementation"] != "CPython":
        label = facts["implementation"].lower() + label
    shown, word = without_home(path), environments.name_of(path)
    if version < OLDEST:
        raise UsageError(f"{shown} is Python {facts['version']}: gilscope needs 3.11 or newer")
    add = f"gilscope env add {word or shown}"
    if facts["gilscope"] is None:
        raise UsageError(
            f"{shown} (Python {label}) has no gilscope: make it an environment with: {add}, and use --python {label}"
        )
    problem = stale(facts.get("gilscope"), facts.get("source"))
    if problem:
        raise UsageError(f"{shown} (Python {label}) {problem}: renew it with: {add}")
    return Interpreter(label=label, executable=path, facts=facts)


def _told_apart(found: Sequence[Interpreter]) -> list[Interpreter]:
    """Give each its own label: with the patch version, then a number, where two have the same."""
    labels = [entry.label for entry in found]
    longer = [
        entry.label.replace(_minor(entry), entry.facts["version"]) if labels.count(entry.label) > 1 else entry.label
        for entry in found
    ]
    numbered = [
        f"{label}-{longer[: at + 1].count(label)}" if longer.count(label) > 1 else label
        for at, label in enumerate(longer)
    ]
    return [replace(entry, label=label) for entry, label in zip(found, numbered, strict=True)]


def _minor(entry: Interpreter) -> str:
    return ".".join(map(str, entry.facts["version_info"][:2]))


def _states(entry: Interpreter, gil: Gil | None, kernels: Sequence[str]) -> list[Interpreter]:
    """Return an interpreter in the states of the GIL that were asked for.

    Raises
    ------
    UsageError
        If it cannot run without the GIL and was asked to.
    """
    if not entry.free_threaded:
        if gil == "off":
            raise UsageError(
                f"{entry.label} was built with the GIL and cannot run without it: leave it out, or say --gil both"
            )
        return [entry]
    gil = gil or _asked_by(os.environ.get("PYTHON_GIL"))
    if gil is None:
        return [replace(entry, label=entry.label + "+gil")] if entry.gil_enabled else [entry]
    asked: Sequence[Gil] = ("off", "on") if gil == "both" else (gil,)
    return [_in_state(entry, _VALUES[state], kernels) for state in asked]


def _asked_by(value: str | None) -> Gil | None:
    """Return what a value of PYTHON_GIL asks for."""
    return next((state for state, text in _VALUES.items() if text == value), None)


def _in_state(entry: Interpreter, value: str, kernels: Sequence[str]) -> Interpreter:
    environment = {**PLAIN, "PYTHON_GIL": value}
    facts = ask(entry.executable, kernels, environment)
    label = entry.label + ("+gil" if facts["gil_enabled"] else "")
    return replace(entry, label=label, environment=environment, facts=facts)
