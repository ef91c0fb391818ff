"""Sentences about two results side by side: what keeps them from being compared, and what a gate could not decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gilscope.analysis.answer import Answer
from gilscope.analysis.compare import ResultComparison, differences_around
from gilscope.results.surroundings import Difference


def compare_notes(found: ResultComparison, gate: str) -> Iterator[str]:
    """Say what differs around the two results, and what the gate (as the user wrote it, or empty) could not decide."""
    if found.surroundings:
        yield f"not comparable: {_listed(found.surroundings)}"
        anyway = any(entry.ratio is not None and not entry.comparable for entry in found.cases)
        if anyway:
            yield "its ratios come from all of that, not from what was changed in between alone"
        if all(difference.where.startswith("interpreter") for difference in found.surroundings):
            yield "interpreters are compared in the same blocks: gilscope run --python A --python B"
        elif not anyway:
            yield "measure both in one place; --anyway shows the ratios"
    if found.changed:
        yield f"changed in between: {_listed(found.changed)}"
    if found.failed:
        yield f"slower than allowed: {', '.join(case.id for case in found.failed)}"
    if found.undecided:
        yield f"--fail-on {gate} could not be decided for {len(found.undecided)} cases that are not comparable"
    elif gate and not found.decided:
        yield f"--fail-on {gate} could not be decided: no case is comparable"


def _listed(differences: Iterable[Difference]) -> str:
    return "; ".join(f"{entry.where} {entry.name}: {entry.before}, {entry.now}" for entry in differences)


def elsewhere_note(first: Answer, other: Answer) -> str:
    """Say that a result is shown beside one that was measured in other surroundings, or nothing."""
    found = differences_around(first, other)
    differing = "; ".join(f"{entry.where} {entry.name}: {entry.before} there, {entry.now} here" for entry in found)
    return f"Not comparable with the first result: {differing}." if differing else ""
