"""Who switches the GIL back on, what modules declare, which functions release it: the study behind ``gilscope audit``.

Modules are imported in fresh processes of a free-threaded interpreter, which needs nothing of gilscope.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import gilscope
from gilscope.core import typed
from gilscope.core.errors import UnavailableError
from gilscope.env.interpreter import free_threaded_build, interpreter_label
from gilscope.studies.audit.calls import AuditedCall, check_snippet, measure_call
from gilscope.studies.audit.children import Inspected, Outcome, PythonFacts, find_interpreter, inspect, run_child
from gilscope.studies.audit.imports import IMPORT_LIMIT_S, Import, import_alone
from gilscope.studies.audit.installed import (
    Distribution,
    Extension,
    ask_index,
    completed,
    distributions,
    extensions,
    resolve_by_import,
)

__all__ = ["AUDIT_SCHEMA", "Audit", "AuditRequest", "AuditedPython", "audit"]

AUDIT_SCHEMA = "gilscope.audit"
SCHEMA_VERSION = 1

_NEWEST_ABI = "cp314t"  # asked for besides the interpreter's own: the first officially supported free-threaded build


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit.

    Parameters
    ----------
    modules : tuple of str
    calls : tuple of str
        Snippets ``module.function(arguments)``.
    python : str or None
        The interpreter; None: this one if it is free-threaded, else the newest free-threaded one on PATH.
    environment : bool
        All extension modules of the environment, not only those of the distributions that the modules loaded.
    online : bool
        Ask the package index which wheels there are.
    """

    modules: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    python: str | None = None
    environment: bool = False
    online: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedPython:
    """The free-threaded interpreter that imported the modules.

    Parameters
    ----------
    label : str
        As in case ids: ``3.14t``.
    implementation, version, executable : str
    free_threaded : bool
    gilscope : bool
        Whether it has gilscope.
    """

    label: str
    implementation: str
    version: str
    executable: str
    free_threaded: bool = True
    gilscope: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found out; the JSON is described in docs/schema.md.

    Parameters
    ----------
    tool_version : str
    interpreter : AuditedPython or None
        None if only calls were asked for.
    modules : tuple of Import
        In the order asked for.
    extensions : tuple of Extension
        Those of the distributions involved.
    distributions : tuple of Distribution
    calls : tuple of AuditedCall
    """

    tool_version: str = ""
    interpreter: AuditedPython | None = None
    modules: tuple[Import, ...] = ()
    extensions: tuple[Extension, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    calls: tuple[AuditedCall, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the GIL stayed off in every module, and everything that was asked for could be found out."""
        return all(row.status == "free" for row in self.modules) and all(row.status == "ok" for row in self.calls)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope audit --json``."""
        return {"schema": AUDIT_SCHEMA, "schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Audit:
        """Read a stored audit.

        Raises
        ------
        ValueError
            If a row lacks something.
        """
        return typed.read(cls, document)


def audit(request: AuditRequest, progress: Callable[[str], None] = lambda text: None) -> Audit:
    """Do the audit.

    Parameters
    ----------
    progress : callable (text) -> None
        Told what happens next.

    Raises
    ------
    UsageError
        If a snippet is no call.
    UnavailableError
        If modules are to be audited and there is no free-threaded interpreter.
    """
    for text in request.calls:
        check_snippet(text)
    found, seen = Audit(tool_version=gilscope.__version__), None
    if request.modules or request.environment:
        python = find_interpreter(request.python)
        progress(f"looking at {python}")
        seen = inspect(python)
        found = _modules(found, request, python, seen, progress)
    if request.calls:
        python, free_threaded = _caller(request, seen)
        calls = []
        for text in request.calls:
            progress(f"calling {text}")
            calls.append(measure_call(text, python, free_threaded=free_threaded))
        found = replace(found, calls=tuple(calls))
    return found


def _caller(request: AuditRequest, seen: Inspected | None) -> tuple[str, bool]:
    """Return the interpreter that calls the snippets, and whether it is free-threaded.

    The one asked for if it has gilscope, which watches; else this one.

    Raises
    ------
    UnavailableError
        If only calls were asked for, in an interpreter without gilscope.
    """
    if request.python is None:
        return sys.executable, free_threaded_build()
    python = find_interpreter(request.python)
    facts = (seen or inspect(python)).python
    if facts.gilscope:
        return python, facts.free_threaded
    if seen is None:
        raise UnavailableError(
            f"{python} has no gilscope, which watches the call", f"gilscope env add {request.python}"
        )
    return sys.executable, free_threaded_build()


def _modules(
    known: Audit, request: AuditRequest, python: str, seen: Inspected, progress: Callable[[str], None]
) -> Audit:
    interpreter = _interpreter(seen.python)
    rows, outcomes = [], []
    for module in dict.fromkeys(request.modules):
        progress(f"importing {module}")
        row, outcome = import_alone(python, module)
        rows.append(row)
        outcomes.append(outcome)
    found = _extensions(python, seen, outcomes, everything=request.environment, progress=progress)
    installed = _distributions(seen, rows, found, everything=request.environment)
    if request.online:
        installed = _asked(installed, rows, interpreter, progress)
    return replace(
        known,
        interpreter=interpreter,
        modules=tuple(_completed(row, found, python) for row in rows),
        extensions=tuple(found),
        distributions=tuple(installed),
    )


def _interpreter(facts: PythonFacts) -> AuditedPython:
    """Return the facts about the interpreter.

    Raises
    ------
    UnavailableError
        If it is not free-threaded.
    """
    if not facts.free_threaded:
        raise UnavailableError(
            f"{facts.executable} is {facts.implementation} {facts.version} with a GIL, no free-threaded build",
            f"name a free-threaded one: --python {facts.minor[0]}.{max(13, facts.minor[1])}t",
        )
    return AuditedPython(
        label=interpreter_label(facts.minor, free_threaded=True, gil=facts.gil),
        implementation=facts.implementation,
        version=facts.version,
        executable=facts.executable,
        free_threaded=True,
        gilscope=facts.gilscope,
    )


def _extensions(
    python: str,
    seen: Inspected,
    outcomes: Sequence[Outcome],
    *,
    everything: bool,
    progress: Callable[[str], None],
) -> list[Extension]:
    """Return the extension modules asked for; those whose files do not tell are imported."""
    found = extensions(seen, outcomes, everything=everything)
    open_ = [row.module for row in found if row.free_threading is None]
    if not open_:
        return found
    progress(f"importing {len(open_)} extension modules whose files do not tell")

    def run(names: Sequence[str]) -> Outcome:
        request = {"action": "import", "modules": list(names), "until_gil": True}
        return run_child(python, request, timeout_s=IMPORT_LIMIT_S)

    return completed(found, resolve_by_import(open_, run))


def _distributions(
    seen: Inspected, rows: Sequence[Import], found: Sequence[Extension], *, everything: bool
) -> list[Distribution]:
    """Return the distributions the modules and their extension modules belong to."""
    owners = {row.distribution for row in found}
    tops = {row.module.partition(".")[0] for row in rows}
    return [
        entry
        for entry in distributions(seen)
        if everything or entry.name in owners or any(top in tops for top in (*entry.top, entry.name))
    ]


def _asked(
    installed: Sequence[Distribution],
    rows: Sequence[Import],
    interpreter: AuditedPython,
    progress: Callable[[str], None],
) -> list[Distribution]:
    """Ask the index about everything that is no pure Python, and about modules that are not installed."""
    own = "cp" + "".join(interpreter.version.split(".")[:2]) + "t"
    abis = tuple(dict.fromkeys((own, _NEWEST_ABI)))
    missing = {row.missing.partition(".")[0] for row in rows if row.missing} - {""}
    absent = [Distribution(name=name, version="", tags=(), wheel="unknown", top=(name,)) for name in sorted(missing)]
    answered = []
    for entry in (*installed, *absent):
        if entry.wheel == "pure":
            answered.append(entry)
            continue
        progress(f"asking the package index about {entry.name}")
        answered.append(replace(entry, index=ask_index(entry.name, abis)))
    return answered


def _completed(row: Import, found: Sequence[Extension], python: str) -> Import:
    """Complete a row with whom the culprit belongs to, what else does not declare support, and the cure."""
    by_name = {entry.module: entry for entry in found}
    culprit = by_name.get(row.switched_on_by or "")
    undeclared = tuple(
        name for name in row.extensions if (entry := by_name.get(name)) is not None and entry.free_threading is False
    )
    distribution = culprit.distribution if culprit else None
    return replace(row, distribution=distribution, undeclared=undeclared, cure=_cure(row, culprit, python))


def _provider(top: str) -> str:
    """Return the distribution that provides a top-level module here; its own name where it is not installed here."""
    return importlib.metadata.packages_distributions().get(top, [top])[0]


def _cure(row: Import, culprit: Extension | None, python: str) -> str:
    if row.status == "gil_came_back":
        whose = f"{culprit.distribution} {culprit.version}" if culprit and culprit.distribution else row.switched_on_by
        return (
            f"update {whose} to a version that declares support for free threading, or do without it (its authors: "
            "freethreading_compatible=True in Cython, mod_gil_not_used in pybind11, the slot Py_mod_gil in C); "
            "PYTHON_GIL=0 keeps the GIL off at your own risk"
        )
    if row.missing:
        return f"{python} -m pip install {_provider(row.missing.partition('.')[0])}"
    if row.status in ("crashed", "timeout"):
        return "report it to the authors of what was loading; PYTHONFAULTHANDLER=1 shows where"
    return ""
