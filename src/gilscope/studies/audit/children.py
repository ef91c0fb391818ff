"""Fresh processes of the interpreter under audit, and what they reported."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.core import typed
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.env.child import PLAIN, run
from gilscope.env.interpreter import free_threaded_build
from gilscope.env.interpreters import locate

_CHILD = Path(__file__).with_name("_child.py")
_KNOWN = ("3.15t", "3.14t", "3.13t")
_INSPECT_S = 120.0  # reads the metadata of everything installed: a second for hundreds of packages on a slow disk

NO_INTERPRETER = (
    "no free-threaded Python was found: this one has a GIL, and there is none among the environments of 'gilscope env' "
    "or on PATH"
)
INSTALL_CURE = (
    "install one (uv python install 3.14t, or pyenv install 3.14t) and name it: --python /path/to/python3.14t"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFacts:
    """An interpreter; ``version_info`` is major and minor version."""

    implementation: str
    version: str
    version_info: tuple[int, ...]
    free_threaded: bool
    gil: bool
    executable: str
    gilscope: bool = False

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor, *_ = self.version_info
        return major, minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A distribution: its wheel's tags, top-level modules, and (name, file) of its extension modules."""

    name: str
    version: str
    tags: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    extensions: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """An interpreter, and what is installed in it."""

    python: PythonFacts
    distributions: tuple[Installed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEvent:
    """Something that happened while modules were imported."""

    event: str  # importing, loading, loaded, warned, imported, raised, deferring, deferred, declared or end
    module: str = ""
    file: str = ""  # of an extension module
    gil: bool = False  # whether it was on then
    seconds: float | None = None  # that the import took
    error: str = ""
    missing: str = ""  # the module that was missing
    attribute: str = ""  # its type, if it is an attribute of a module and no module: function, or a name of a class
    detail: str = ""  # the traceback
    one_phase: bool = False
    slots: Mapping[str, int] = field(default_factory=dict)  # values by slot id


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a child ended."""

    events: tuple[ChildEvent, ...]
    status: int | None  # exit status, negative for a signal; None if it was killed because its time was up
    output: str = ""  # the end of it

    @property
    def complete(self) -> bool:
        """Whether it came to its end."""
        return any(event.event == "end" for event in self.events)


def find_interpreter(name: str | None) -> str:
    """Return the path of the interpreter to audit with.

    ``name`` is what ``--python`` understands everywhere: a path, an environment of ``gilscope env``, a version, a
    command. None: this interpreter if it is free-threaded, else the newest free-threaded one found by its version.
    Raises UsageError if there is none of that name, UnavailableError if none was named and there is none.
    """
    if name is not None:
        return locate(name)
    if free_threaded_build():
        return sys.executable
    for version in _KNOWN:
        try:
            return locate(version)
        except UsageError:
            continue
    raise UnavailableError(NO_INTERPRETER, INSTALL_CURE)


def inspect(python: str) -> Inspected:
    """Return what an interpreter is and what is installed in it; UnavailableError if it does not run."""
    lines, outcome = _run_child(python, {"action": "inspect"}, timeout_s=_INSPECT_S)
    if not outcome.complete:
        last = outcome.output.strip().rpartition("\n")[2] or f"exit status {outcome.status}"
        raise UnavailableError(f"{python} does not run: {last}", "name another interpreter with --python")
    [about] = [line for line in lines if line["event"] == "interpreter"]
    return Inspected(
        python=typed.read(PythonFacts, about),
        distributions=tuple(typed.read(Installed, line) for line in lines if line["event"] == "distribution"),
    )


def run_child(python: str, request: Mapping[str, Any], *, timeout_s: float) -> Outcome:
    """Run the child with a request in a fresh process in this working folder, killed after ``timeout_s``.

    It runs without ``PYTHON_GIL``, so that modules decide.
    """
    return _run_child(python, request, timeout_s=timeout_s)[1]


def _run_child(python: str, request: Mapping[str, Any], *, timeout_s: float) -> tuple[list[Mapping[str, Any]], Outcome]:
    """Run the child; return the lines it wrote, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="gilscope-audit-") as folder:
        report, printed = Path(folder, "events"), Path(folder, "output")
        report.touch()
        # The warning that names the culprit must come through whatever filters are set outside.
        command = [python, "-P", "-W", "always:The global interpreter lock:RuntimeWarning", str(_CHILD)]
        with printed.open("wb") as output:
            command.append(json.dumps({**request, "report": str(report)}))
            try:
                status = run(command, output, timeout_s=timeout_s, environment=PLAIN)
            except OSError as error:
                raise UnavailableError(f"{python} cannot be run: {error.strerror}", INSTALL_CURE) from None
        lines = list(_lines(report))
        text = printed.read_text(encoding="utf-8", errors="replace")[-2000:]
    return lines, Outcome(events=tuple(typed.read(ChildEvent, line) for line in lines), status=status, output=text)


def _lines(report: Path) -> Iterator[Mapping[str, Any]]:
    for line in report.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
