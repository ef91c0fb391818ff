"""Sentences about the interpreters of a result: which they are, and what one thread pays for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gilscope.report.facts import Document
from gilscope.report.figures import times

__all__ = ["interpreter_notes", "price_notes"]


def interpreter_notes(document: Document) -> list[str]:
    """Say of each interpreter that was compared which Python it is, and whether it started with the GIL."""
    listed = (document.get("environment") or {}).get("interpreters") or ()
    return [f"{entry.get('label')}: {_python(entry)}" for entry in listed if isinstance(entry, Mapping)]


def _python(entry: Mapping[str, Any]) -> str:
    build = "free-threaded build" if entry.get("free_threaded") else "build with the GIL"
    state = ("GIL on" if entry.get("gil_enabled") else "GIL off") if entry.get("free_threaded") else ""
    parts = (f"{entry.get('implementation')} {entry.get('version')}", build, state, entry.get("executable"))
    return ", ".join(str(part) for part in parts if part)


def price_notes(document: Document, kernel: str) -> list[str]:
    """Say per pair of interpreters what one thread takes under the first in terms of the second."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for row in document.get("prices", ()):
        if row["kernel"] == kernel:
            told = f"{row['implementation']} {times(row['time_ratio'])}"
            pairs.setdefault((row["interpreter"], row["versus"]), []).append(told)
    return [f"one thread of {mine} takes, over {other}: {', '.join(told)}" for (mine, other), told in pairs.items()]
