"""What a page of several results says where they were not measured in the same surroundings."""

from __future__ import annotations

from gilscope.analysis.answer import Answer
from gilscope.results.surroundings import Difference, differences

__all__ = ["elsewhere_note"]


def elsewhere_note(first: Answer, other: Answer) -> str:
    """Say that a result is beside one that was measured in other surroundings, or nothing."""
    found = differences(first.environment, other.environment)
    versions = first.tool_version, other.tool_version
    if all(versions) and versions[0] != versions[1]:
        found.append(Difference(where="gilscope", name="version", before=versions[0], now=versions[1]))
    listed = "; ".join(f"{entry.where} {entry.name}: {entry.before} there, {entry.now} here" for entry in found)
    return f"Not comparable with the first result: {listed}." if listed else ""
