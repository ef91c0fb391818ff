"""Many runs as JSON: the document of ``gilscope history --json`` (docs/schema.md)."""

from __future__ import annotations

from typing import Any

from gilscope.analysis.history import Break, Change, History
from gilscope.analysis.to_json import part_to_json

SCHEMA = "gilscope.history"
SCHEMA_VERSION = 1


def history_to_json(found: History) -> dict[str, Any]:
    """Return the document of ``gilscope history --json``; runs are numbered from 0."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "runs": [
            {
                "path": run.path,
                "commit": run.surroundings.commit.id,
                "when_utc": run.when,
                "started_utc": run.surroundings.started_utc,
            }
            for run in found.runs
        ],
        "cases": [
            {
                "case": case.case,
                "workers": case.latest.workers,
                "points": [
                    {
                        "run": number,
                        "efficiency": part_to_json(one.efficiency),
                        "net_speedup": part_to_json(one.net_speedup),
                        "gil_held": part_to_json(one.held),
                    }
                    for number, one in case.points
                ],
            }
            for case in found.cases
        ],
        "changes": [_change(one) for one in found.changes],
        "breaks": [_break(one) for one in found.breaks],
        "libraries": [_break(one) for one in found.libraries],
        "regressions": len(found.regressions),
        "left_out": [{"path": one.path, "reason": one.reason} for one in found.left_out],
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "case": one.case,
        "quantity": one.quantity,
        "before": part_to_json(one.before),
        "now": part_to_json(one.now),
        "last_run": one.last,
        "first_run": one.first,
        "worse": one.worse,
        "open": one.open,
    }


def _break(one: Break) -> dict[str, Any]:
    return {
        "run": one.run,
        "differences": [
            {"where": entry.where, "name": entry.name, "before": entry.before, "now": entry.now}
            for entry in one.differences
        ],
    }
