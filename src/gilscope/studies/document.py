"""The machine-readable result of a study: one envelope for all, rows of its own for each (docs/schema.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gilscope import __version__
from gilscope.stats import Estimate, estimate_or_none

__all__ = ["SCHEMA", "SCHEMA_VERSION", "Name", "document", "estimate_fields", "json_schema", "medians", "write"]

# History of the version: 1 is the first.
SCHEMA = "gilscope.study"
SCHEMA_VERSION = 1

Name: TypeAlias = Literal["metg", "ipc", "startup"]


def document(
    study: Name,
    *,
    environment: Mapping[str, Any],
    asked: Mapping[str, Any],
    blocks: int,
    rows: Sequence[Mapping[str, Any]],
    controls: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    interrupted: bool = False,
) -> dict[str, Any]:
    """Put the envelope around the rows of a study.

    Parameters
    ----------
    asked : mapping
        What was asked for, after checking.
    blocks : int
        Completed ones.
    controls : mapping of name to estimate
        What was measured beside the rows, to say what they are worth.
    notes : sequence of str
        What was left out or changed, with the reason, in one sentence each.
    """
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "study": study,
        "tool_version": __version__,
        "environment": dict(environment),
        "asked": dict(asked),
        "blocks": blocks,
        "interrupted": interrupted,
        "rows": [dict(row) for row in rows],
        "controls": dict(controls or {}),
        "notes": list(notes),
    }


def estimate_fields(estimate: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate as JSON: ``value``, ``low``, ``high``, ``confidence``, ``blocks``.

    JSON has no infinity: an end that lies beyond what was measured is null. None without a finite value.
    """
    if estimate is None or not math.isfinite(estimate.value):
        return None
    low, high = (end if math.isfinite(end) else None for end in (estimate.low, estimate.high))
    fields = {"value": estimate.value, "low": low, "high": high}
    return {**fields, "confidence": estimate.confidence, "blocks": estimate.n}


def medians(sample: Sequence[float]) -> dict[str, Any] | None:
    """Estimate the median of a sample over blocks, as JSON; None for an empty one."""
    return estimate_fields(estimate_or_none(sample))


def write(found: Mapping[str, Any], folder: Path) -> Path:
    """Write a study's document to ``<study>.json`` in ``folder`` and return its path."""
    path = folder / f"{found['study']}.json"
    path.write_text(json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the documents."""
    text = resources.files("gilscope.studies").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
