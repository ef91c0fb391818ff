"""Who switches the GIL back on, what modules declare, which functions release it: the study behind ``gilscope audit``.

Modules are imported in fresh processes of a free-threaded interpreter, which needs nothing of gilscope.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import gilscope
from gilscope.core import typed
from gilscope.core.errors import UnavailableError
from gilscope.env.interpreter import free_threaded_build, interpreter_label
from gilscope.studies.audit import installed
from gilscope.studies.audit.calls import AuditedCall, check_snippet, measure_call
from gilscope.studies.audit.children import Inspected, Outcome, PythonFacts, find_interpreter, inspect, run_child
from gilscope.studies.audit.imports import IMPORT_LIMIT_S, Import, import_alone
from gilscope.studies.audit.installed import Distribution, Extension
from gilscope.studies.audit.overlay import Overlay, overlays
from gilscope.studies.audit.sizes import check_sized

__all__ = ["AUDIT_SCHEMA", "Audit", "AuditRequest", "AuditedPython", "audit"]

AUDIT_SCHEMA = "gilscope.audit"
SCHEMA_VERSION = 1

_NEWEST_ABI = "cp314t"  # checked besides the interpreter's own: the first officially supported free-threaded build


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit."""

    modules: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()  # snippets: module.function(arguments), with {n} where a size goes
    sizes: tuple[int, ...] | None = None  # of the calls; none: chosen; None: the calls have no size
    packages: tuple[tuple[str, str], ...] = ()  # (name, version): each call is tried with each
    python: str | None = None  # see find_interpreter; several for calls: 3.12,3.14
    environment: bool = False  # all extension modules, not only those of the distributions that the modules loaded
    online: bool = False  # ask the package index which wheels there are


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedPython:
    """The free-threaded interpreter that imported the modules, labelled as in case ids, and whether it has gilscope."""

    label: str
    implementation: str
    version: str
    executable: str
    free_threaded: bool = True
    gilscope: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found; the JSON is described in docs/schema.md."""

    tool_version: str = ""
    interpreter: AuditedPython | None = None  # None if only calls were requested
    modules: tuple[Import, ...] = ()  # in the order requested
    extensions: tuple[Extension, ...] = ()  # of the distributions involved
    distributions: tuple[Distribution, ...] = ()
    calls: tuple[AuditedCall, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the GIL stayed off in every module, and nothing remained unknown."""
        return all(row.status == "free" for row in self.modules) and all(row.status == "ok" for row in self.calls)

    @property
    def undecided(self) -> bool:
        """Whether of a call, or of one of its sizes, it is not known what it does with the GIL."""
        return any(not row.decided for row in self.calls)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope audit --json``."""
        return {"schema": AUDIT_SCHEMA, "schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Audit:
        """Read a stored audit; ValueError if a row lacks something."""
        return typed.read(cls, document)


def audit(request: AuditRequest, progress: Callable[[str], None] = lambda text: None) -> Audit:
    """Do the audit; ``progress`` gets what happens next.

    Raises UsageError if a snippet is not a call, UnavailableError if there is no free-threaded interpreter for modules.
    """
    for text in request.calls:
        check_snippet(text) if request.sizes is None else check_sized(text)
    found, inspected = Audit(tool_version=gilscope.__version__), None
    if request.modules or request.environment:
        python = find_interpreter(request.python)
        progress(f"looking at {python}")
        inspected = inspect(python)
        found = _modules(found, request, python, inspected, progress)
    if request.calls:
        callers = _callers(request, inspected)
        return replace(found, calls=tuple(_called(request, callers, progress)))
    return found


def _called(
    request: AuditRequest, callers: Sequence[tuple[str, bool]], progress: Callable[[str], None]
) -> Iterator[AuditedCall]:
    """Yield a row per call, interpreter and version of a package."""
    tried: dict[str, list[Overlay | None]] = {}
    for python, _ in callers:
        if request.packages:
            progress(f"installing {', '.join('=='.join(one) for one in request.packages)} for {python}")
        tried[python] = [*overlays(python, request.packages)] or [None]
    for text in request.calls:
        for python, free_threaded in callers:
            for overlay in tried[python]:
                progress(f"calling {text}" + (f" with {overlay.label}" if overlay is not None else ""))
                if overlay is not None and overlay.problem:
                    yield AuditedCall(call=text, status="failed", package=overlay.label, reason=overlay.problem)
                    continue
                yield measure_call(text, python, free_threaded=free_threaded, sizes=request.sizes, overlay=overlay)


def _callers(request: AuditRequest, inspected: Inspected | None) -> list[tuple[str, bool]]:
    """Return the interpreters that call the snippets, and whether they are free-threaded.

    The requested ones if they have gilscope, which watches; else this one, unless only calls were requested.
    """
    if request.python is None:
        return [(sys.executable, free_threaded_build())]
    if inspected is not None:
        known = inspected.python
        return [(known.executable, known.free_threaded) if known.gilscope else (sys.executable, free_threaded_build())]
    found = []
    for name in request.python.split(","):
        python = find_interpreter(name.strip())
        about = inspect(python).python
        if not about.gilscope:
            reason = f"{python} has no gilscope, which watches the call"
            raise UnavailableError(reason, f"gilscope env add {name.strip()}")
        found.append((python, about.free_threaded))
    return found


def _modules(
    known: Audit, request: AuditRequest, python: str, inspected: Inspected, progress: Callable[[str], None]
) -> Audit:
    interpreter = _interpreter(inspected.python)
    imported = []
    for module in dict.fromkeys(request.modules):
        progress(f"importing {module}")
        imported.append(import_alone(python, module))
    rows = [row for row, _ in imported]
    found = installed.extensions(inspected, [outcome for _, outcome in imported], everything=request.environment)
    if unknown := [row.module for row in found if row.free_threading is None]:
        progress(f"importing {len(unknown)} extension modules whose files do not tell")

        def run(names: Sequence[str]) -> Outcome:
            action = {"action": "import", "modules": list(names), "until_gil": True}
            return run_child(python, action, timeout_s=IMPORT_LIMIT_S)

        found = installed.completed(found, installed.resolve_by_import(unknown, run))
    involved = {row.distribution for row in found}
    tops = {row.module.partition(".")[0] for row in rows}
    kept = installed.distributions(inspected)
    if not request.environment:
        kept = [one for one in kept if one.name in involved or not tops.isdisjoint((*one.top, one.name))]
    if request.online:
        kept = _with_index(kept, rows, interpreter.version, progress)
    return replace(
        known,
        interpreter=interpreter,
        modules=tuple(_completed(row, found, python) for row in rows),
        extensions=tuple(found),
        distributions=tuple(kept),
    )


def _interpreter(about: PythonFacts) -> AuditedPython:
    if not about.free_threaded:
        raise UnavailableError(
            f"{about.executable} is {about.implementation} {about.version} with a GIL, no free-threaded build",
            f"name a free-threaded one: --python {about.minor[0]}.{max(13, about.minor[1])}t",
        )
    return AuditedPython(
        label=interpreter_label(about.minor, free_threaded=True, gil=about.gil),
        implementation=about.implementation,
        version=about.version,
        executable=about.executable,
        gilscope=about.gilscope,
    )


def _with_index(
    kept: Sequence[Distribution], rows: Sequence[Import], version: str, progress: Callable[[str], None]
) -> list[Distribution]:
    """Ask the index about everything that is not pure Python, and about modules that are not installed."""
    own = "cp" + "".join(version.split(".")[:2]) + "t"
    missing = {row.missing.partition(".")[0] for row in rows} - {"", *sys.stdlib_module_names}
    absent = [Distribution(name=name, version="", tags=(), wheel="unknown", top=(name,)) for name in sorted(missing)]
    found = []
    for entry in (*kept, *absent):
        if entry.wheel != "pure":
            progress(f"asking the package index about {entry.name}")
            entry = replace(entry, index=installed.ask_index(entry.name, list(dict.fromkeys((own, _NEWEST_ABI)))))
        found.append(entry)
    return found


def _completed(row: Import, found: Sequence[Extension], python: str) -> Import:
    """Add the distribution of the culprit, what else does not declare support, and the fix."""
    by_name = {entry.module: entry for entry in found}
    culprit = by_name.get(row.switched_on_by or "")
    return replace(
        row,
        distribution=culprit.distribution if culprit else None,
        undeclared=tuple(n for n in row.extensions if n in by_name and by_name[n].free_threading is False),
        cure=row.cure or _cure(row, culprit, python),
    )


def _cure(row: Import, culprit: Extension | None, python: str) -> str:
    if row.status == "gil_came_back":
        whose = f"{culprit.distribution} {culprit.version}" if culprit and culprit.distribution else row.switched_on_by
        return (
            f"update {whose} to a version that declares support for free threading, or do without it (its authors: "
            "freethreading_compatible=True in Cython, mod_gil_not_used in pybind11, the slot Py_mod_gil in C); "
            "PYTHON_GIL=0 keeps the GIL off at your own risk"
        )
    if row.missing:
        top, dot, _ = row.missing.partition(".")
        if top in sys.stdlib_module_names:
            why = "check the name" if dot else "it was left out of this Python, or its version no longer has it"
            return f"{row.missing}: {top} belongs to the standard library, which pip does not install; {why}"
        return f"{python} -m pip install {importlib.metadata.packages_distributions().get(top, [top])[0]}"
    if row.status in ("crashed", "timeout"):
        return "report it to the authors of what was loading; PYTHONFAULTHANDLER=1 shows where"
    return ""
