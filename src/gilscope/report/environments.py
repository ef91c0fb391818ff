"""Tables and lines of ``gilscope env``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gilscope.report.facts import printable
from gilscope.report.terminal.painted import painted, plain_table

__all__ = ["made_note", "render_environments"]

_SHOWN = ("numpy", "numba", "dask", "loky")  # of the libraries: those that bring implementations or executors


def made_note(entry: Mapping[str, Any], missing: Mapping[str, str]) -> str:
    """Say what was made, what it lacks and how it is used."""
    name = entry["name"]
    lines = [f"{name}: {_python(entry)}, {_libraries(entry)}"]
    lines += [f"{name}: without {package}, whose cases will be n/a ({why})" for package, why in missing.items()]
    if entry["problem"]:
        lines.append(f"{name}: {entry['problem']}: renew it when they rest")
    lines.append(f"use it: gilscope run --python {name}" + (" --gil both" if entry.get("free_threaded") else ""))
    return "\n".join(lines)


def render_environments(entries: Sequence[Mapping[str, Any]], folder: str, *, width: int, color: bool = False) -> str:
    """Lay out the environments there are."""
    if not entries:
        return f"no environments in {folder}: make one with: gilscope env add 3.13t"
    table = plain_table(["name", "interpreter", "libraries", "made of", "state"], [], gap=2)
    for entry in printable(list(entries)):
        problem = entry["problem"]
        state = f"{problem}; gilscope env add {entry['name']}" if problem else "ready"
        table.add_row(
            entry["name"],
            _python(entry),
            _libraries(entry),
            str(entry.get("base", "-")),
            state,
            style="yellow" if problem else "",
        )
    return f"{painted([table], width, color=color)}in {folder}"


def _python(entry: Mapping[str, Any]) -> str:
    if not entry.get("version"):
        return "-"
    return f"Python {entry['version']}, {'free-threaded' if entry.get('free_threaded') else 'with the GIL'}"


def _libraries(entry: Mapping[str, Any]) -> str:
    libraries = entry.get("libraries") or {}
    return ", ".join(f"{name} {libraries[name]}" for name in _SHOWN if name in libraries) or "no libraries"
