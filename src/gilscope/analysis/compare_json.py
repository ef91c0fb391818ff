"""The comparison of two results as JSON: the document of ``gilscope compare --json`` (docs/schema.md)."""

from __future__ import annotations

from typing import Any

from gilscope.analysis.compare import ResultComparison
from gilscope.results.surroundings import Difference

SCHEMA = "gilscope.comparison"
SCHEMA_VERSION = 1


def comparison_to_json(found: ResultComparison) -> dict[str, Any]:
    """Return the document of ``gilscope compare --json``."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "surroundings": [_difference(entry) for entry in found.surroundings],
        "changed": [_difference(entry) for entry in found.changed],
        "cases": [
            {
                "case": entry.case.id,
                "verdict": entry.outcome,
                "ratio": entry.ratio and {name: getattr(entry.ratio, name) for name in ("value", "low", "high")},
                "reason": entry.reason,
            }
            for entry in found.cases
        ],
        "failed": [case.id for case in found.failed],
        "undecided": [case.id for case in found.undecided],
    }


def _difference(entry: Difference) -> dict[str, Any]:
    return {"where": entry.where, "name": entry.name, "first": entry.before, "second": entry.now}
