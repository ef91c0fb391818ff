"""The house stands as drawn: modules import only from lower levels, workers only the standard library."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gilscope

SOURCE = Path(gilscope.__file__).parent

LEVELS = {
    0: ("core",),
    1: ("stats",),
    2: ("env",),
    3: ("kernels", "executors", "telemetry", "results"),
    4: ("availability", "inventory", "metrics", "runner"),
    5: ("plan", "supervisor"),
    6: ("measure",),
    7: ("analysis", "profile"),
    8: ("studies", "pipeline"),
    9: ("tour",),
    10: ("report",),
    11: ("api",),
    12: ("testing",),
    13: ("cli", "pytest_plugin"),
    14: ("__main__",),
}
LEVEL = {name: level for level, names in LEVELS.items() for name in names}
TOP = max(LEVELS) + 1

_NAME = re.compile(r"gilscope(?:\.\w+)+(?::\w+)?")

NAMED_FROM_BELOW = {
    "env.closure": "lists the files of what runners execute, and imports none of them",
    "env.openmp": "asks which OpenMP runtime a compiled kernel has loaded, in a process of its own",
}
"""Modules that may name something above, with the reason."""

MODULES = sorted(path for path in SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module below ``gilscope``, which itself is the empty string."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(name: str) -> str:
    """Return the module or package at the top that a dotted name belongs to."""
    return name.partition(".")[0]


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of everything imported anywhere in a module, within functions too.

    A text that names a module, or something in one, is an import by name: of a child, or of a lazy registry.
    """
    package = ["gilscope", *(module.split(".") if module else [])]
    package = package if is_package else package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            yield node.lineno, node.value.partition(":")[0]
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
            if origin == "gilscope":  # from gilscope import kernels: the names are modules
                yield from ((node.lineno, f"gilscope.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, origin


def upward(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return what a module imports from its own level or above, with the line."""
    own = part_of(module)
    found = []
    for line, name in imports(ast.parse(source), module, is_package=is_package):
        head, _, inside = name.partition(".")
        part = part_of(inside)
        if head != "gilscope" or part not in LEVEL or part == own:
            continue
        lowest = LEVEL[own] if own else TOP  # the package looks its public names up lazily: it may name everything
        if LEVEL[part] >= lowest and not LEVEL[part] == lowest == 0:
            found.append(f"line {line}: {module or 'gilscope'} (level {lowest}) imports {name} (level {LEVEL[part]})")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_lower_levels(path):
    name = name_of(path)
    found = upward(path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py")
    assert bool(found) == (name in NAMED_FROM_BELOW), found


def test_every_module_has_a_level():
    assert {part_of(name_of(path)) for path in MODULES} - {""} - set(LEVEL) == set()


@pytest.mark.parametrize(
    ("source", "module", "is_package"),
    [
        ("from gilscope.kernels import get", "core.records", False),
        ("from gilscope import kernels", "executors.threads", False),
        ("def late():\n    import gilscope.measure.host", "analysis.document", False),
        ("from ..report import notes", "analysis.document", False),
        ("from gilscope.measure import host", "stats.intervals", False),
        ("if TYPE_CHECKING:\n    from gilscope.env import cpu", "core.records", False),
        ("import_module('gilscope.cli')", "kernels.user", False),
    ],
)
def test_the_checker_finds_imports_from_above(source, module, is_package):
    found = upward(source, module, is_package=is_package)
    # analysis may import measure, which lies below it; everything else here points upwards or sideways
    assert bool(found) == (module != "analysis.document" or "report" in source)


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from gilscope.core.errors import UsageError", "core.units"),
        ("from .intervals import Estimate", "stats.stopping"),
        ("import json, numpy", "kernels.nbody._np"),
        ("from gilscope import __version__", "pipeline"),
        ("from gilscope.core.cases import Case", "report.terminal"),
    ],
)
def test_the_checker_lets_imports_from_below_and_within_a_package_pass(source, module):
    assert upward(source, module) == []


def test_the_package_itself_may_name_everything():
    assert upward("from .cli import app", "", is_package=True) == []


# Standard library only ------------------------------------------------------------------------------------------------


def loaded_by(*modules: str) -> set[str]:
    """Return the top-level names that importing modules adds to what a bare interpreter has loaded."""
    code = f"import sys; before = set(sys.modules); import {', '.join(modules)}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def foreign(names: set[str]) -> set[str]:
    """Return the names of other packages; what Cython's own modules and multiprocessing register is none."""
    ours = {
        name for name in names if name in ("gilscope", "cython_runtime", "__mp_main__") or name.startswith("_cython_")
    }
    return names - set(sys.stdlib_module_names) - ours


def test_importing_gilscope_loads_the_standard_library_only():
    assert foreign(loaded_by("gilscope")) == set()


CHILDREN = ("core", "runner", "supervisor")
"""Rooms of what runs in children: they start fast, and where nothing but Python is."""

WORKER_SIDE = (
    *sorted(f"gilscope.{name_of(path)}" for path in MODULES if part_of(name_of(path)) in CHILDREN),
    "gilscope.executors._worker",
    "gilscope.studies._ipc_runner",
    "gilscope.studies._startup_runner",
    "gilscope.kernels",
    *sorted(f"gilscope.kernels.{path.parent.name}" for path in SOURCE.glob("kernels/*/__init__.py")),
    *sorted(f"gilscope.kernels.{path.parent.name}.{path.stem}" for path in SOURCE.glob("kernels/*/_py.py")),
    *sorted(f"gilscope.kernels.{path.parent.name}.{path.stem}" for path in SOURCE.glob("kernels/*/spec.py")),
)


def test_what_workers_import_loads_the_standard_library_only():
    assert foreign(loaded_by(*WORKER_SIDE)) == set()


@pytest.mark.parametrize(
    "module", ["gilscope.stats", "gilscope.results", "gilscope.analysis", "gilscope.env", "gilscope.plan"]
)
def test_planning_and_analysing_load_the_standard_library_only(module):
    assert foreign(loaded_by(module)) == set()


def test_the_check_sees_foreign_packages():
    assert "hypothesis" in foreign(loaded_by("hypothesis"))
