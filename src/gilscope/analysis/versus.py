"""Two results side by side: per case the ratio of their rates, with an interval, or why there is none.

The two were measured at different times, so nothing cancels as it does within a block. The ends of the ratio are the
widest the two intervals allow, which is more careful than 95 %.

Machines, interpreters and versions of gilscope differ by more than what is asked about. What was measured on two of
them is not comparable, and no gate decides on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gilscope.cases import DEFAULT_CHUNKS_PER_WORKER, Case
from gilscope.results.surroundings import Difference, differences
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

__all__ = ["NOT_COMPARABLE", "SCHEMA", "SCHEMA_VERSION", "decided", "surroundings", "versus"]

SCHEMA = "gilscope.comparison"
SCHEMA_VERSION = 1

Json = dict[str, Any]

NOT_COMPARABLE = "not comparable"

_MEASURED = ("ok", "too_noisy")  # the latter is said of speed-ups: intervals of rates speak for themselves

_WORDS = {"machine": "machines", "cpus": "usable CPUs", "gilscope": "versions of gilscope"}


def versus(old: Mapping[str, Any], new: Mapping[str, Any], *, limit: float | None = None, anyway: bool = False) -> Json:
    """Compare the cases of two analysis documents.

    Parameters
    ----------
    limit : float or None
        A gate: how much slower a case may be, as a fraction.
    anyway : bool
        Whether to give the ratios of cases whose surroundings differ too; they stay ``not comparable``.

    Returns
    -------
    dict
        The document of ``gilscope compare --json`` (docs/schema.md).
    """
    before, after = _by_key(old), _by_key(new)
    found = surroundings(old, new)
    rows = {
        key: _compared((before.get(key) or after[key])["case"], before.get(key), after.get(key), found, anyway=anyway)
        for key in {**before, **after}
    }
    asked = {row["kernel"] for row in new["cases"]}
    held = [
        row
        for key, row in rows.items()
        if before.get(key, {}).get("status") in _MEASURED and before[key]["kernel"] in asked
    ]
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "surroundings": [_json(d) for d in found if any(_concerns(d, row["case"]) for row in rows.values())],
        "changed": [_json(difference) for difference in _changed(old, new)],
        "cases": list(rows.values()),
        **_gate(held, limit),
    }


def _by_key(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the rows by what must be the same in both results: the case.

    How many tasks of a function of one's own make a round is found out anew in each run. Its rates are in tasks, so
    that number is left out; of serial cases that differ in nothing else one with the fewest chunks stands for all.
    """
    if not document["study"].get("functions"):
        return {row["case"]: row for row in document["cases"]}
    found: dict[str, Mapping[str, Any]] = {}
    for row in document["cases"]:
        case = replace(Case.parse(row["case"]), size="1", chunks_per_worker=DEFAULT_CHUNKS_PER_WORKER)
        found[case.id] = min(found.get(case.id, row), row, key=_standing)
    return found


def _standing(row: Mapping[str, Any]) -> tuple[bool, int]:
    return row["status"] not in _MEASURED, row["chunks_per_worker"]


def decided(found: Mapping[str, Any]) -> bool:
    """Tell whether a gate could judge every case it holds, and held any; ``found`` is what ``versus`` returned."""
    return not found["undecided"] and any(row["verdict"] != NOT_COMPARABLE for row in found["cases"])


def surroundings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return what differs around two analysis documents and keeps their rates from being compared."""
    found = differences(old["environment"], new["environment"])
    versions = old.get("tool_version"), new.get("tool_version")
    if all(versions) and versions[0] != versions[1]:
        found.append(Difference(where="gilscope", name="version", before=versions[0], now=versions[1]))
    return found


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs and may be what the comparison is about: libraries, and whether workers were bound to CPUs."""
    before, after = (document["environment"].get("libraries", {}) for document in (old, new))
    for name in before:
        versions = before[name], after.get(name)
        if all(versions) and versions[0] != versions[1]:
            yield Difference(where="library", name=name, before=versions[0], now=versions[1])
    pins = [str(document.get("study", {}).get("pin", "none")) for document in (old, new)]
    if pins[0] != pins[1]:
        yield Difference(where="option", name="--pin", before=pins[0], now=pins[1])


def _concerns(difference: Difference, case: str) -> bool:
    """Whether a difference lies around a case: interpreters other than its own do not matter."""
    own = f"interpreter {case.rpartition('!')[2]}" if "!" in case else "interpreter"
    return difference.where in _WORDS or difference.where == own


def _elsewhere(case: str, found: Sequence[Difference]) -> str:
    """Say in what the surroundings of a case differ, or nothing."""
    told = (_WORDS.get(difference.where, "interpreters") for difference in found if _concerns(difference, case))
    return ", ".join(dict.fromkeys(told))


def _compared(
    case: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    around: Sequence[Difference],
    *,
    anyway: bool,
) -> Json:
    found: Json = {"case": case, "verdict": NOT_COMPARABLE, "ratio": None, "reason": ""}
    if old is None or new is None:
        return {**found, "reason": f"only in the {'second' if old is None else 'first'} result"}
    for row, which in ((old, "first"), (new, "second")):
        if row["status"] not in _MEASURED or row["rate"] is None:
            return {**found, "reason": f"{row['status'].replace('_', ' ')} in the {which} result: {row['reason']}"}
    elsewhere = _elsewhere(case, around)
    if old["isa"] and new["isa"] and old["isa"] != new["isa"]:
        elsewhere = f"{elsewhere}{', ' if elsewhere else ''}instruction sets"
    ratio = _ratio(old["rate"], new["rate"])
    if elsewhere:
        return {**found, "ratio": ratio if anyway else None, "reason": f"different {elsewhere}"}
    if ratio is None:
        return {**found, "reason": "too few blocks for an interval of 95 %"}
    verdict = "faster" if ratio["low"] > 1 else "slower" if ratio["high"] < 1 else "no difference shown"
    return {**found, "verdict": verdict, "ratio": ratio}


def _ratio(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json | None:
    """Return the rates' ratio with the widest interval theirs allow; None where one has no interval of 95 %."""
    ends = [rate.get(end) for rate in (old, new) for end in ("low", "high")]
    if None in ends or min(rate["confidence"] for rate in (old, new)) < DEFAULT_CONFIDENCE:
        return None
    return {"value": new["value"] / old["value"], "low": new["low"] / old["high"], "high": new["high"] / old["low"]}


def _gate(held: Sequence[Json], limit: float | None) -> Json:
    """Judge the cases that the first result has measured, of kernels that the second has.

    ``failed`` lies below 1 - ``limit`` with its whole interval; ``undecided`` is not comparable, or is missing.
    """
    if limit is None:
        return {"failed": [], "undecided": []}
    undecided = [row["case"] for row in held if row["verdict"] == NOT_COMPARABLE]
    comparable = [row for row in held if row["verdict"] != NOT_COMPARABLE]
    return {"failed": [row["case"] for row in comparable if row["ratio"]["high"] < 1 - limit], "undecided": undecided}


def _json(difference: Difference) -> Json:
    return {
        "where": difference.where,
        "name": difference.name,
        "first": difference.before,
        "second": difference.now,
    }
