"""The comparison of two results as JSON: the document of ``gilscope compare --json`` (docs/schema.md)."""

from __future__ import annotations

from typing import Any, TypeAlias

from gilscope.analysis.compare import ComparedCase, ResultComparison
from gilscope.results.surroundings import Difference

__all__ = ["SCHEMA", "SCHEMA_VERSION", "comparison_to_json"]

SCHEMA = "gilscope.comparison"
SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


def comparison_to_json(found: ResultComparison) -> Json:
    """Return the document of ``gilscope compare --json``."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "surroundings": [_difference(entry) for entry in found.surroundings],
        "changed": [_difference(entry) for entry in found.changed],
        "cases": [_case(entry) for entry in found.cases],
        "failed": [case.id for case in found.failed],
        "undecided": [case.id for case in found.undecided],
    }


def _case(entry: ComparedCase) -> Json:
    ratio = entry.ratio
    return {
        "case": entry.case.id,
        "verdict": entry.outcome,
        "ratio": None if ratio is None else {"value": ratio.value, "low": ratio.low, "high": ratio.high},
        "reason": entry.reason,
    }


def _difference(entry: Difference) -> Json:
    return {"where": entry.where, "name": entry.name, "first": entry.before, "second": entry.now}
