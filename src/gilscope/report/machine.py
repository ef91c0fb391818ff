"""What is here and what the machine allows: the tables of ``list``, ``doctor`` and ``env``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from gilscope.env.environments import EnvironmentRecord
from gilscope.env.interpreters import ListedEnvironment
from gilscope.inventory import Inventory, ListedExecutor, ListedImplementation, ListedKernel
from gilscope.report.figures import printable
from gilscope.report.terminal.painted import facts_table, painted, plain_table
from gilscope.results.surroundings import Surroundings

_CHECK_STYLE = {"warning": "yellow", "unknown": "dim"}
_SHOWN = ("numpy", "numba", "dask", "loky")  # of the libraries: those that bring implementations or executors
_GIL = {"held": "holds the GIL", "released": "releases the GIL", "own_threads": "threads of its own"}


def render_inventory(found: Inventory, *, width: int, color: bool = False) -> str:
    """Lay out kernels, implementations and executors of ``gilscope list``."""
    heads = (("kernel", "what it is", "limited by"), ("implementation", "computes", "kernels"), ("executor", "here"))
    tables = [plain_table(head) for head in heads]
    for kernel in found.kernels:
        mark = " *" if kernel.name in found.default else ""
        tables[0].add_row(kernel.name + mark, kernel.summary, kernel.regime)
    for cells in _implementations(found.kernels):
        tables[1].add_row(*cells)
    for entry in found.executors:
        name = f"{entry.name}.{entry.start_method}" if entry.start_method else entry.name
        tables[2].add_row(name, "yes" if entry.available else f"no: {_why(entry)}")
    parts = [painted(table, width, color=color) for table in tables]
    parts[0] += "* measured by 'gilscope run' without arguments\n"
    return "\n".join([*parts, *_missing(found.kernels, width)])


def render_environment(around: Surroundings, *, width: int, color: bool = False) -> str:
    """Lay out the facts and checks of ``gilscope doctor``."""
    cpus, machine, python, libraries = around.cpus, around.machine, around.interpreter, around.libraries
    gil = "off: a free-threaded build"
    if python.gil_enabled:
        state = "on, although this build can do without it" if python.free_threaded else "on"
        gil = f"{state}; threads change over every {1000 * (python.switch_interval_s or 0):g} ms"
    pairs = {
        "usable CPUs": f"{cpus.count}: {cpus.detail}",
        "CPUs of the machine": f"{cpus.logical} logical, {cpus.physical or 'unknown number of'} physical cores",
        "cgroup quota": "none" if cpus.quota_cpus is None else f"{cpus.quota_cpus:.4g} CPUs",
        "processor": machine.cpu_model or "unknown",
        "system": f"{machine.system} {machine.release} {machine.architecture}",
        "interpreter": f"{python.implementation} {python.version} ({python.label}), {python.executable}",
        "GIL": gil,
        "libraries": ", ".join(f"{name} {version}" for name, version in libraries.items() if version),
        "not installed": ", ".join(name for name, version in libraries.items() if not version) or "-",
    }
    checks = plain_table(["check", "", "what was found"])
    for check in around.checks:
        found = "; ".join(filter(None, (check.message, check.cure)))
        checks.add_row(check.name, check.status, found, style=_CHECK_STYLE.get(check.status, ""))
    return f"{facts_table(pairs, width, color=color)}\n{painted(checks, width, color=color)}"


def _implementations(kernels: Sequence[ListedKernel]) -> list[tuple[str, str, str]]:
    """Return (name, use of the GIL, kernels that have it here) of each implementation."""
    all_names = [kernel.name for kernel in kernels]
    entries = [(kernel.name, entry) for kernel in kernels for entry in kernel.implementations]
    here = [(kernel, entry) for kernel, entry in entries if entry.available]
    uses = {**{entry.name: "" for _, entry in entries}, **{entry.name: _GIL[entry.gil] for _, entry in here}}
    having = {name: [kernel for kernel, entry in here if entry.name == name] for name in uses}
    return [(name, gil, _these(having[name], all_names)) for name, gil in uses.items()]


def _these(names: Sequence[str], all_names: Sequence[str]) -> str:
    """Name some of the kernels, or those left out where they are fewer."""
    left_out = [name for name in all_names if name not in names]
    if not left_out:
        return "all"
    if len(left_out) < len(names):
        return f"all but {', '.join(left_out)}"
    return ", ".join(names) if names else "none"


def _missing(kernels: Sequence[ListedKernel], width: int) -> list[str]:
    by_reason: dict[str, dict[str, list[str]]] = {}
    for kernel in kernels:
        for entry in kernel.implementations:
            if not entry.available:
                by_reason.setdefault(_why(entry), {}).setdefault(entry.name, []).append(kernel.name)
    all_names = [kernel.name for kernel in kernels]
    lines = []
    for reason, missing in by_reason.items():
        same: dict[str, list[str]] = {}
        for implementation, names in missing.items():
            same.setdefault(_these(names, all_names), []).append(implementation)
        text = "; ".join(f"{', '.join(group)} of {which}" for which, group in same.items())
        lines.append(textwrap.fill(f"n/a {text}: {reason}", width, subsequent_indent="    ", break_on_hyphens=False))
    return ["\n".join(lines) + "\n"] if lines else []


def _why(entry: ListedImplementation | ListedExecutor) -> str:
    return "; ".join(filter(None, (entry.reason, entry.cure)))


def made_note(entry: ListedEnvironment) -> str:
    """Say what was made, what it lacks and how it is used."""
    name, record = entry.environment.name, entry.environment.record
    lines = [f"{name}: {_build(record)}, {_libraries(record)}"]
    missing = (record.missing or {}).items()
    lines += [f"{name}: without {package}, whose cases will be n/a ({why})" for package, why in missing]
    if entry.problem:
        lines.append(f"{name}: {entry.problem}: renew it when they rest")
    lines.append(f"use it: gilscope run --python {name}" + (" --gil both" if record.free_threaded else ""))
    return "\n".join(lines)


def render_environments(entries: Sequence[ListedEnvironment], folder: str, *, width: int, color: bool = False) -> str:
    """Lay out the environments there are."""
    if not entries:
        return f"no environments in {folder}: make one with: gilscope env add 3.13t"
    table = plain_table(["name", "interpreter", "libraries", "made of", "state"])
    for entry in entries:
        name, record, problem = entry.environment.name, entry.environment.record, entry.problem
        state = f"{problem}; gilscope env add {name}" if problem else "ready"
        cells = (name, _build(record), _libraries(record), record.base or "-", state)
        table.add_row(*map(printable, cells), style="yellow" if problem else "")
    return f"{painted(table, width, color=color)}in {folder}"


def _build(record: EnvironmentRecord) -> str:
    if not record.python:
        return "-"
    return f"Python {record.python}, {'free-threaded' if record.free_threaded else 'with the GIL'}"


def _libraries(record: EnvironmentRecord) -> str:
    libraries = record.libraries or {}
    return ", ".join(f"{name} {libraries[name]}" for name in _SHOWN if name in libraries) or "no libraries"
