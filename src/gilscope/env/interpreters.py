"""Other interpreters: found by a word, asked about themselves, named for case ids.

Every interpreter is asked by running ``_about.py`` in it; nothing is inferred from a file name.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import gilscope
from gilscope.core.errors import UsageError
from gilscope.core.registry import check_names
from gilscope.env import _about, environments
from gilscope.env.child import PLAIN, NoReplyError, reply, surroundings
from gilscope.env.closure import runner_files
from gilscope.env.interpreter import free_threaded_build, interpreter_label, without_home
from gilscope.env.libraries import LIBRARIES

Gil: TypeAlias = Literal["on", "off", "both"]
OLDEST = (3, 11)
_ASK_TIMEOUT_S = 60.0  # a cold import of everything on a slow disk, with room
_OWN_FOLDER = os.path.dirname(os.path.abspath(gilscope.__file__))
_FOLDERS = ("bin", "Scripts")  # of virtual environments
_SHIMS = "shims"  # folder of pyenv's programs that choose an interpreter, or complain
_VALUES: Mapping[Gil, str] = {"off": "0", "on": "1"}  # of PYTHON_GIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python executable and the state of its GIL: one value of the interpreter axis.

    ``label`` is its name in case ids (``3.13``, ``3.13t``, ``3.13t+gil``), with the patch version or a number where two
    would be the same.
    """

    label: str
    executable: str
    environment: Mapping[str, str | None] = field(default_factory=lambda: PLAIN)  # None removes a variable
    about: Mapping[str, Any] = field(default_factory=dict)  # its reply (_about.reply)

    @property
    def free_threaded(self) -> bool:
        """Whether it was built to run without the GIL."""
        return bool(self.about["free_threaded"])

    @property
    def gil_enabled(self) -> bool:
        """Whether it starts with the GIL."""
        return bool(self.about["gil_enabled"])

    def describe(self) -> dict[str, Any]:
        """Return what a result keeps of it; JSON-able, without the name of the user."""
        kept = ("implementation", "version", "free_threaded", "gil_enabled", "compiler", "libraries")
        return {
            "label": self.label,
            **{name: self.about[name] for name in kept if name in self.about},
            "executable": without_home(self.executable),
            "gil_asked": _gil_of(self.environment.get("PYTHON_GIL")) or "",
        }


def described(interpreters: Sequence[Interpreter]) -> dict[str, Any]:
    """Return the entry in a result's environment about the interpreters of a study; nothing without any."""
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
        made, record = self.environment, self.environment.record.to_json()
        version = record.pop("python", "")
        head = {"name": made.name, "path": str(made.path), "python": str(made.python), "problem": self.problem}
        return {**head, **record, "version": version}


def choose(names: Sequence[str], gil: Gil | None, kernels: Sequence[str]) -> tuple[Interpreter, ...]:
    """Find, ask and name the interpreters of a study, in their order, without the GIL before with it.

    ``names`` are the values of ``--python``; none with a ``gil`` means the running one, none at all an empty result.
    ``gil`` is how free-threaded builds are run; None as they start by themselves. Raises UsageError if one cannot be
    found, cannot run gilscope, has another version of it, or cannot run in that state of the GIL.
    """
    if gil is not None:
        check_names("state of the GIL", (gil,), get_args(Gil))
    paths = list(dict.fromkeys(locate(name) for name in names or ([sys.executable] if gil else [])))
    found = [_checked(path, ask(path, kernels)) for path in paths]
    if found and gil in ("off", "both") and not any(entry.free_threaded for entry in found):
        labels = ", ".join(entry.label for entry in found)
        raise UsageError(
            f"--gil {gil} needs a free-threaded build, and {labels} {'is' if len(found) == 1 else 'are'} none: "
            "name one, e.g. --python 3.13t"
        )
    return tuple(state for entry in _distinct(found) for state in _states(entry, gil, kernels))


def reopen(label: str, executable: str, gil_asked: str, kernels: Sequence[str]) -> Interpreter:
    """Find an interpreter of a result, as ``describe`` wrote it, in the same state of its GIL, or raise UsageError."""
    path = at_path(Path(executable).expanduser())
    value = next((text for state, text in _VALUES.items() if state == gil_asked), None)
    environment = {**PLAIN, "PYTHON_GIL": value}
    found = _checked(path, ask(path, kernels, environment))
    return replace(found, label=label, environment=environment)


def locate(word: str) -> str:
    """Return the program of a path, an environment of ours, a version, or a command; UsageError without one."""
    if not word.strip():
        raise UsageError("--python needs a name or a path: write it like 3.13t, python3.12 or /path/to/python")
    known = environments.find(word)
    path = program_of(word) if known is None else str(known)
    if path is None:
        raise UsageError(
            f"no interpreter {word!r}: neither an environment of 'gilscope env list' nor a command; "
            f"make one with: gilscope env add {word}, or name it by its path"
        )
    return path


def program_of(word: str) -> str | None:
    """Return the program of a path (UsageError if there is none), a version or a command; None without one."""
    if os.sep in word or (os.altsep and os.altsep in word) or word.startswith("~"):
        return at_path(Path(word).expanduser())
    if word == interpreter_label(sys.version_info[:2], free_threaded=free_threaded_build(), gil=False):
        return sys.executable
    return command_of(word)


def command_of(word: str) -> str | None:
    """Return the program of a command or version, on the PATH or where pyenv and uv keep theirs; None without one."""
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
    """Return the program at a path, which may be the folder of an environment; UsageError without one."""
    inside = [path / folder / name for folder in _FOLDERS for name in ("python", "python3", "python.exe")]
    versioned = sorted(found for found in path.glob("bin/python3.*") if not found.name.endswith("-config"))
    for candidate in (path, *inside, *versioned):
        if candidate.is_file():
            return os.path.abspath(candidate)  # not resolved: a virtual environment's python is a link to its base
    raise UsageError(f"no interpreter at {str(path)!r}: name its program, e.g. {path / 'bin' / 'python'}")


def ask(path: str, kernels: Sequence[str], environment: Mapping[str, str | None] = PLAIN) -> dict[str, Any]:
    """Ask an interpreter about itself and some kernels; raise UsageError if it cannot be run or does not reply."""
    request = {
        "gilscope": gilscope.__version__,
        "source": own_source(),
        "files": _own_files(),
        "kernels": [*kernels],
        "libraries": [*LIBRARIES],
    }
    text = Path(_about.__file__).read_text(encoding="utf-8")
    variables = surroundings(environment)
    try:
        about: dict[str, Any] = reply(text, request, timeout_s=_ASK_TIMEOUT_S, python=path, environment=variables)
    except NoReplyError as error:
        raise UsageError(f"{path} cannot run gilscope: {error}; name another Python") from None
    return about


def stale(version: str | None, source: str | None) -> str:
    """Say why a gilscope of this version and source digest cannot measure for this one; empty if it can."""
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


def _checked(path: str, about: Mapping[str, Any]) -> Interpreter:
    """Name an interpreter that can run our runners; raise UsageError with the command that helps if it cannot."""
    version = tuple(about["version_info"])
    label = interpreter_label(version[:2], free_threaded=bool(about["free_threaded"]), gil=False)
    if about["implementation"] != "CPython":
        label = about["implementation"].lower() + label
    shown = without_home(path)
    if version < OLDEST:
        raise UsageError(f"{shown} is Python {about['version']}: gilscope needs 3.11 or newer")
    add = f"gilscope env add {environments.name_of(path) or shown}"
    if about["gilscope"] is None:
        raise UsageError(
            f"{shown} (Python {label}) has no gilscope: make it an environment with: {add}, and use --python {label}"
        )
    problem = stale(about["gilscope"], about.get("source"))
    if problem:
        raise UsageError(f"{shown} (Python {label}) {problem}: renew it with: {add}")
    return Interpreter(label=label, executable=path, about=about)


def _distinct(found: Sequence[Interpreter]) -> list[Interpreter]:
    """Give each a label of its own: with the patch version, then a number, where two have the same."""
    labels = [entry.label for entry in found]
    longer = [
        entry.label.replace(".".join(map(str, entry.about["version_info"][:2])), entry.about["version"])
        if labels.count(entry.label) > 1
        else entry.label
        for entry in found
    ]
    numbered = [
        f"{label}-{longer[: at + 1].count(label)}" if longer.count(label) > 1 else label
        for at, label in enumerate(longer)
    ]
    return [replace(entry, label=label) for entry, label in zip(found, numbered, strict=True)]


def _states(entry: Interpreter, gil: Gil | None, kernels: Sequence[str]) -> list[Interpreter]:
    """Return an interpreter in the requested states of the GIL; raise UsageError if it cannot run without it."""
    if not entry.free_threaded:
        if gil == "off":
            raise UsageError(
                f"{entry.label} was built with the GIL and cannot run without it: leave it out, or say --gil both"
            )
        return [entry]
    gil = gil or _gil_of(os.environ.get("PYTHON_GIL"))
    if gil is None:
        return [replace(entry, label=entry.label + "+gil")] if entry.gil_enabled else [entry]
    wanted: Sequence[Gil] = ("off", "on") if gil == "both" else (gil,)
    return [_in_state(entry, _VALUES[state], kernels) for state in wanted]


def _gil_of(value: str | None) -> Gil | None:
    """Return the state of the GIL that a value of PYTHON_GIL requests."""
    return next((state for state, text in _VALUES.items() if text == value), None)


def _in_state(entry: Interpreter, value: str, kernels: Sequence[str]) -> Interpreter:
    environment = {**PLAIN, "PYTHON_GIL": value}
    about = ask(entry.executable, kernels, environment)
    label = entry.label + ("+gil" if about["gil_enabled"] else "")
    return replace(entry, label=label, environment=environment, about=about)
