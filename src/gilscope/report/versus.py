"""Two results side by side: the table of ``gilscope compare``, and what a page of several results says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gilscope.analysis.versus import NOT_COMPARABLE, surroundings
from gilscope.report.facts import Document, printable
from gilscope.report.figures import NONE, narrow
from gilscope.report.terminal.painted import painted, plain_table

__all__ = ["elsewhere_note", "render_versus"]


def render_versus(found: Mapping[str, Any], *, gate: str = "", width: int, color: bool = False) -> str:
    """Lay out the comparison of two results: ratios of rates, the second over the first.

    Parameters
    ----------
    found : mapping
        What ``analysis.versus`` returned.
    gate : str
        The gate as it was asked for, or empty.
    """
    found = printable(found)
    table = plain_table(["case"], ["rate, B over A"], gap=2)
    table.add_column("verdict", overflow="fold")
    for row in found["cases"]:
        ratio = row["ratio"]
        shown = f"{narrow(ratio['value'])} [{narrow(ratio['low'])}, {narrow(ratio['high'])}]" if ratio else NONE
        words = f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]
        table.add_row(row["case"], shown, words, style="red" if row["case"] in found["failed"] else "")
    return painted([table], width, color=color) + "".join(f"{line}\n" for line in _notes(found, gate))


def _notes(found: Mapping[str, Any], gate: str) -> Iterator[str]:
    if found["surroundings"]:
        yield f"not comparable: {_listed(found['surroundings'])}"
        anyway = any(row["ratio"] and row["verdict"] == NOT_COMPARABLE for row in found["cases"])
        if anyway:
            yield "its ratios come from all of that, not from what was changed in between alone"
        if all(difference["where"].startswith("interpreter") for difference in found["surroundings"]):
            yield "interpreters are compared in the same blocks: gilscope run --python A --python B"
        elif not anyway:
            yield "measure both in one place; --anyway shows the ratios"
    if found["changed"]:
        yield f"changed in between: {_listed(found['changed'])}"
    if found["failed"]:
        yield f"slower than allowed: {', '.join(found['failed'])}"
    if found["undecided"]:
        yield f"--fail-on {gate} could not be decided for {len(found['undecided'])} cases that are not comparable"
    elif gate and all(row["verdict"] == NOT_COMPARABLE for row in found["cases"]):
        yield f"--fail-on {gate} could not be decided: no case is comparable"


def _listed(differences: list[Mapping[str, Any]]) -> str:
    return "; ".join(f"{entry['where']} {entry['name']}: {entry['first']}, {entry['second']}" for entry in differences)


def elsewhere_note(first: Document, other: Document) -> str:
    """Say that a result stands beside one that was measured in other surroundings, or nothing."""
    found = surroundings(first, other)
    told = "; ".join(f"{entry.where} {entry.name}: {entry.before} there, {entry.now} here" for entry in found)
    return f"Not comparable with the first result: {told}." if told else ""
