"""Tables and lines of ``gilscope env``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gilscope.env.environments import Record
from gilscope.env.interpreters import ListedEnvironment
from gilscope.report.figures import printable
from gilscope.report.terminal.painted import painted, plain_table

__all__ = ["made_note", "render_environments"]

_SHOWN = ("numpy", "numba", "dask", "loky")  # of the libraries: those that bring implementations or executors


def made_note(entry: ListedEnvironment, missing: Mapping[str, str]) -> str:
    """Say what was made, what it lacks and how it is used."""
    name, record = entry.environment.name, entry.environment.record
    lines = [f"{name}: {_python(record)}, {_libraries(record)}"]
    lines += [f"{name}: without {package}, whose cases will be n/a ({why})" for package, why in missing.items()]
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
        cells = (name, _python(record), _libraries(record), record.base or "-", state)
        table.add_row(*map(printable, cells), style="yellow" if problem else "")
    return f"{painted(table, width, color=color)}in {folder}"


def _python(record: Record) -> str:
    if not record.python:
        return "-"
    return f"Python {record.python}, {'free-threaded' if record.free_threaded else 'with the GIL'}"


def _libraries(record: Record) -> str:
    libraries = record.libraries or {}
    return ", ".join(f"{name} {libraries[name]}" for name in _SHOWN if name in libraries) or "no libraries"
