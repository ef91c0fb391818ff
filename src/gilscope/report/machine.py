"""What is here and what the machine allows: the tables of ``list`` and ``doctor``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from gilscope.inventory import Inventory, ListedExecutor, ListedImplementation, ListedKernel
from gilscope.report.terminal.painted import facts_table, painted, plain_table
from gilscope.results.surroundings import Python, Surroundings

__all__ = ["render_environment", "render_inventory"]

_CHECK_STYLE = {"warning": "yellow", "unknown": "dim"}
_GIL = {"held": "holds the GIL", "released": "releases the GIL", "own_threads": "threads of its own"}


def render_inventory(found: Inventory, *, width: int, color: bool = False) -> str:
    """Lay out kernels, implementations and executors of ``gilscope list``."""
    kernels = plain_table(["kernel", "what it is", "limited by"], [], gap=2)
    for kernel in found.kernels:
        mark = " *" if kernel.name in found.default else ""
        kernels.add_row(kernel.name + mark, kernel.summary, kernel.regime)
    implementations = plain_table(["implementation", "computes", "kernels"], [], gap=2)
    for name, gil, having in _implementations(found.kernels):
        implementations.add_row(name, gil, having)
    executors = plain_table(["executor", "here"], [], gap=2)
    for entry in found.executors:
        executors.add_row(_executor(entry), "yes" if entry.available else f"no: {_why(entry)}")
    parts = [painted([table], width, color=color) for table in (kernels, implementations, executors)]
    parts[0] += "* measured by 'gilscope run' without arguments\n"
    return "\n".join([*parts, *_missing(found.kernels, width)])


def render_environment(around: Surroundings, *, width: int, color: bool = False) -> str:
    """Lay out the facts and checks of ``gilscope doctor``."""
    cpus, machine, interpreter, libraries = around.cpus, around.machine, around.interpreter, around.libraries
    pairs = {
        "usable CPUs": f"{cpus.count}: {cpus.detail}",
        "CPUs of the machine": f"{cpus.logical} logical, {cpus.physical or 'unknown number of'} physical cores",
        "cgroup quota": "none" if cpus.quota_cpus is None else f"{cpus.quota_cpus:.4g} CPUs",
        "processor": machine.cpu_model or "unknown",
        "system": f"{machine.system} {machine.release} {machine.architecture}",
        "interpreter": _interpreter(interpreter),
        "GIL": _gil(interpreter),
        "libraries": ", ".join(f"{name} {version}" for name, version in libraries.items() if version),
        "not installed": ", ".join(name for name, version in libraries.items() if not version) or "-",
    }
    checks = plain_table(["check", "", "what was found"], [], gap=2)
    for check in around.checks:
        found = check.message + (f"; {check.cure}" if check.cure else "")
        checks.add_row(check.name, check.status, found, style=_CHECK_STYLE.get(check.status, ""))
    return f"{facts_table(pairs, width, color=color)}\n{painted([checks], width, color=color)}"


def _interpreter(facts: Python) -> str:
    return f"{facts.implementation} {facts.version} ({facts.label}), {facts.executable}"


def _gil(facts: Python) -> str:
    if facts.gil_enabled:
        state = "on, although this build can do without it" if facts.free_threaded else "on"
        return f"{state}; threads change over every {1000 * (facts.switch_interval_s or 0):g} ms"
    return "off: a free-threaded build"


def _implementations(kernels: Sequence[ListedKernel]) -> list[tuple[str, str, str]]:
    """Return (name, what it does with the GIL, which kernels have it here) of each implementation that exists."""
    names: dict[str, str] = {}
    having: dict[str, list[str]] = {}
    for kernel in kernels:
        for entry in kernel.implementations:
            names.setdefault(entry.name, "")
            if entry.available:
                names[entry.name] = _GIL[entry.gil]
                having.setdefault(entry.name, []).append(kernel.name)
    all_names = [kernel.name for kernel in kernels]
    return [(name, gil, _these(having.get(name, []), all_names)) for name, gil in names.items()]


def _these(names: Sequence[str], all_names: Sequence[str]) -> str:
    """Name some of the kernels, or those that are left out where these are fewer."""
    left_out = [name for name in all_names if name not in names]
    if not left_out:
        return "all"
    if len(left_out) < len(names):
        return f"all but {', '.join(left_out)}"
    return ", ".join(names) if names else "none"


def _missing(kernels: Sequence[ListedKernel], width: int) -> list[str]:
    """Say once per reason which implementations of which kernels cannot be used here."""
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
        text = "; ".join(f"{', '.join(words)} of {which}" for which, words in same.items())
        lines.append(textwrap.fill(f"n/a {text}: {reason}", width, subsequent_indent="    ", break_on_hyphens=False))
    return ["\n".join(lines) + "\n"] if lines else []


def _executor(entry: ListedExecutor) -> str:
    return f"{entry.name}.{entry.start_method}" if entry.start_method else entry.name


def _why(entry: ListedImplementation | ListedExecutor) -> str:
    return "; ".join(part for part in (entry.reason, entry.cure) if part)
