"""Sentences about where a result was measured: machine, interpreters, and what could spoil it."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.report.figures import counted
from gilscope.results.surroundings import Surroundings


def environment_note(here: Surroundings) -> str:
    """Say in one line on what was measured."""
    parts = []
    if here.interpreter.known:
        gil = "GIL off" if here.interpreter.gil_enabled is False else "GIL on"
        parts.append(f"{here.interpreter.implementation} {here.interpreter.version} ({gil})")
    if here.machine.known:
        parts.append(f"{here.machine.system} {here.machine.architecture}")
        parts.append(here.machine.cpu_model or "unknown processor")
    if here.cpus.count:
        parts.append(f"{counted(here.cpus.count, 'usable CPU')}: {here.cpus.detail}")
    return ", ".join(parts)


def check_notes(here: Surroundings) -> list[str]:
    """Say what about the machine could spoil the measurement."""
    warnings = (check for check in here.checks if check.status == "warning")
    return ["; ".join(filter(None, (check.message, check.cure))) for check in warnings]


def interpreter_notes(here: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield the label of each interpreter that was compared, and which Python it is with which state of the GIL."""
    for entry in here.interpreters:
        build = "free-threaded build" if entry.free_threaded else "build with the GIL"
        state = ("GIL on" if entry.gil_enabled else "GIL off") if entry.free_threaded else ""
        parts = (f"{entry.implementation} {entry.version}", build, state, entry.executable)
        yield entry.label, ", ".join(filter(None, parts))
