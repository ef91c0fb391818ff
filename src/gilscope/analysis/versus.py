"""Two results side by side: per case the ratio of their rates, with an interval, or why there is none.

The two were measured at different times, so nothing cancels as it does within a block. The ends of the ratio are the
widest the two intervals allow, which is more careful than 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gilscope.stats.intervals import DEFAULT_CONFIDENCE

__all__ = ["versus"]

Json = dict[str, Any]

_DIFFERENT = {"cpus": "usable CPUs", "machine": "machines", "interpreter": "interpreters"}


def versus(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Json]:
    """Compare the cases of two analysis documents.

    Returns
    -------
    list of dict
        ``case``, ``verdict`` (``faster``, ``slower``, ``no difference shown``, ``not comparable``), ``ratio`` of rates
        new over old (value, low, high, or None) and ``reason``; the cases of ``old`` in their order, then new ones.
    """
    before = {row["case"]: row for row in old["cases"]}
    after = {row["case"]: row for row in new["cases"]}
    elsewhere = _elsewhere(old, new)
    return [_compared(case, before.get(case), after.get(case), elsewhere) for case in {**before, **after}]


def _elsewhere(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say in what the surroundings differ, or nothing."""

    def told(document: Mapping[str, Any]) -> dict[str, Any]:
        environment = document["environment"]
        interpreter = environment.get("interpreter", {})
        return {
            "cpus": environment.get("cpus", {}).get("count"),
            "machine": environment.get("machine", {}).get("cpu_model"),
            "interpreter": (interpreter.get("version"), interpreter.get("gil_enabled")),
        }

    first, second = told(old), told(new)
    return ", ".join(words for name, words in _DIFFERENT.items() if first[name] != second[name])


def _compared(case: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, elsewhere: str) -> Json:
    found: Json = {"case": case, "verdict": "not comparable", "ratio": None, "reason": ""}
    if old is None or new is None:
        return {**found, "reason": f"only in the {'second' if old is None else 'first'} result"}
    for row, which in ((old, "first"), (new, "second")):
        if row["status"] != "ok" or row["rate"] is None:
            return {**found, "reason": f"{row['status'].replace('_', ' ')} in the {which} result: {row['reason']}"}
    ends = [row["rate"].get(end) for row in (old, new) for end in ("low", "high")]
    if None in ends or min(row["rate"]["confidence"] for row in (old, new)) < DEFAULT_CONFIDENCE:
        return {**found, "reason": "too few blocks for an interval of 95 %"}
    ratio = {
        "value": new["rate"]["value"] / old["rate"]["value"],
        "low": new["rate"]["low"] / old["rate"]["high"],
        "high": new["rate"]["high"] / old["rate"]["low"],
    }
    verdict = "faster" if ratio["low"] > 1 else "slower" if ratio["high"] < 1 else "no difference shown"
    return {**found, "verdict": verdict, "ratio": ratio, "reason": f"different {elsewhere}" if elsewhere else ""}
