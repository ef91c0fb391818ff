"""The machine-readable analysis: what ``--json`` prints and reports are made from (docs/schema.md)."""

from __future__ import annotations

import importlib.resources
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gilscope.analysis.ceilings import Ceiling, Controls
from gilscope.analysis.columns import Column, averaged, columns_by_kernel
from gilscope.analysis.estimates import CaseEstimates, KernelView, is_single, too_noisy
from gilscope.analysis.findings import ENOUGH, CaseView, Finding, cure_of, judge
from gilscope.analysis.gil import GilSeen, gil_by_case, recorded, unseen
from gilscope.analysis.interpreters import prices
from gilscope.analysis.losses import LOSSES, Account, account
from gilscope.analysis.nested import versus_limited
from gilscope.analysis.unqueued import fair, held_alone
from gilscope.cases import Case, Slot
from gilscope.records import CaseRecord, ResultSet
from gilscope.registry import PROBES
from gilscope.stats import Estimate, precision_reached
from gilscope.units import NS_PER_S

__all__ = ["SCHEMA", "SCHEMA_VERSION", "analyse", "json_schema"]

SCHEMA = "gilscope.analysis"

# History
# 1   cases, controls, kernels, losses, ceilings, findings
SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]

_NOT_SAMPLED = "the GIL was not sampled: this result has no diagnostic rounds"
_NO_LOSSES = "the rounds of this result have no stamps of their workers"
_NO_FINDINGS = "findings need 3 blocks: give it a larger --budget"
_NOT_MEASURED = "the run ended before this case was measured"
_NOT_MEASURED_CURE = "give it a larger --budget, or ask for fewer cases"
_NOISY_CURE = "stop other programs, or give it a larger --budget"
_ROLES = ("spin", "isolated", "A/A")
_NOTHING = CaseEstimates(blocks=0)
_SEVERITIES = ("info", "low", "medium", "high")


def json_schema() -> Json:
    """Return the JSON Schema of the analysis document."""
    text = importlib.resources.files("gilscope.analysis").joinpath("schema.json").read_text(encoding="utf-8")
    schema: Json = json.loads(text)
    return schema


def analyse(result: ResultSet) -> Json:
    """Compute everything a result says.

    Parameters
    ----------
    result : ResultSet

    Returns
    -------
    dict
        JSON-able, as described by ``json_schema``.

    Notes
    -----
    Time linear in the number of rounds, but for sorting each case's blocks.
    """
    views = {kernel: KernelView(columns, result.cases) for kernel, columns in columns_by_kernel(result).items()}
    explained = _explained(result, views)
    cases = [
        _case_row(result, record, views.get(record.case.kernel), explained) for record in _asked_for(result, views)
    ]
    failed = _failed_spins(result)
    judged: dict[str, list[Case]] = {}
    for row in cases:
        if row["status"] in ("ok", "too_noisy"):
            judged.setdefault(row["kernel"], []).append(result.cases[row["case"]].case)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "result": result.path,
        "tool_version": result.tool_version,
        "study": dict(result.study),
        "environment": dict(result.environment),
        "cases": cases,
        "controls": [row for view in views.values() for row in _control_rows(result, view, failed)],
        "kernels": [_kernel_row(result, view, judged.get(kernel, ())) for kernel, view in views.items()],
        "prices": _prices(result, views),
        "findings": _grouped(explained),
        "not_analysed": _not_analysed(cases),
        "warnings": list(result.warnings),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explained:
    """Where the time of one case went; ``account`` and ``ceiling`` are None for what is its own T(1)."""

    gil: GilSeen
    account: Account | None = None
    ceiling: Ceiling | None = None
    findings: Sequence[Finding] = ()


def _explained(result: ResultSet, views: Mapping[str, KernelView]) -> dict[str, _Explained]:
    """Account for every case that was asked for."""
    controls = {kernel: Controls(view.columns) for kernel, view in views.items()}
    seen = gil_by_case(result)
    enabled = result.environment.get("interpreter", {}).get("gil_enabled")
    cpus = result.environment.get("cpus", {})
    made = {}
    for record in _asked_for(result, views):
        case, view = record.case, views.get(record.case.kernel)
        gil = seen.get(case.id) or unseen(case, enabled if isinstance(enabled, bool) else None)
        gil = recorded(gil, record)
        made[case.id] = _Explained(gil=gil)
        if view is None or is_single(case) or not view.columns.of(case):
            continue
        own = account(view.columns, case, waiting=gil.waiting.value if gil.waiting is not None else None)
        control, figures = controls[case.kernel], view.case(case)
        ceiling, held = control.ceiling(case, own), held_alone(case, gil, figures.speedup)
        # Workers beyond the usable CPUs always queue, whoever else uses the machine.
        spin = None if _over_subscribed(result, case) else control.spin_of(case)
        whole = CaseView(
            case=case,
            status=_status(record, figures)[0],
            figures=figures,
            fair=fair(view.columns, case, spin, figures.relative_efficiency, held),
            gil=gil,
            ceiling=ceiling,
            account=own,
            versus_limited=versus_limited(view.columns, case, result.environment.get("functions", {})),
            cpus=cpus,
        )
        findings = judge(whole) if whole.status in ("ok", "too_noisy") else ()
        made[case.id] = _Explained(gil=gil, account=own, ceiling=ceiling, findings=findings)
    return made


def _grouped(explained: Mapping[str, _Explained]) -> list[Json]:
    """Return one entry per code, the most severe and most costly first; evidence by case."""
    groups: dict[str, dict[str, Finding]] = {}
    for case, entry in explained.items():
        for found in entry.findings:
            groups.setdefault(found.code, {})[case] = found
    rows = []
    for code, group in groups.items():
        severity = max((found.severity for found in group.values()), key=_SEVERITIES.index)
        rows.append((-_SEVERITIES.index(severity), -sum(found.share for found in group.values()), code, severity))
    return [
        {
            "code": code,
            "severity": severity,
            "cases": list(groups[code]),
            "evidence": {case: _evidence(found) for case, found in groups[code].items()},
            "cure": cure_of(code),
        }
        for _, _, code, severity in sorted(rows)
    ]


def _prices(result: ResultSet, views: Mapping[str, KernelView]) -> list[Json]:
    return [
        {
            "kernel": price.case.kernel,
            "implementation": price.case.implementation,
            "executor": price.case.executor,
            "size": price.case.size,
            "interpreter": price.case.interpreter,
            "versus": price.versus.interpreter,
            "case": price.case.id,
            "versus_case": price.versus.id,
            "time_ratio": _estimate(price.time_ratio),
        }
        for price in prices(tuple(result.study.get("interpreters", ())), views)
    ]


def _evidence(found: Finding) -> Json:
    values = {
        name: _estimate(value) if isinstance(value, Estimate) else value for name, value in found.evidence.items()
    }
    return {"share": found.share, **values}


def _not_analysed(cases: Sequence[Json]) -> dict[str, str]:
    """Say what this result cannot tell, and why."""
    parallel = [row for row in cases if row["speedup"] is not None]
    missing = {}
    if not any(row["gil"]["available"] for row in cases):
        missing["gil"] = next((row["gil"]["reason"] for row in cases if row["gil"]["enabled"] is False), _NOT_SAMPLED)
    if not any(row["losses"] for row in parallel):
        missing["losses"] = _NO_LOSSES
    if not any(row["speedup"]["confidence"] >= ENOUGH for row in parallel):
        missing["findings"] = _NO_FINDINGS
    return missing


def _asked_for(result: ResultSet, views: Mapping[str, KernelView]) -> Iterator[CaseRecord]:
    """Yield the cases that were asked for, with their T(1); probes only where they were measured for their own sake."""
    for record in result.cases.values():
        view = views.get(record.case.kernel)
        if record.case.kernel not in PROBES or (view is not None and view.columns.of(record.case)):
            yield record


def _case_row(
    result: ResultSet, record: CaseRecord, view: KernelView | None, explained: Mapping[str, _Explained]
) -> Json:
    why = explained[record.case.id]
    figures = view.case(record.case) if view is not None else _NOTHING
    status, reason, cure = _status(record, figures)
    return {
        **_name(result, record.case),
        "status": status,
        "reason": reason,
        "cure": cure,
        "detail": record.detail,
        "blocks": figures.blocks,
        "repeats": record.repeats,
        **_figures(figures, view.unit(record.case) if view is not None else ""),
        "over_subscribed": _over_subscribed(result, record.case),
        "one_time_s": {name: value / NS_PER_S for name, value in record.one_time_ns.items()},
        "jit_cache": record.jit_cache,
        "placed": [dict(place) for place in record.placed],
        "isa": record.isa,
        "python": record.python,
        "gil": _gil(why.gil),
        "losses": _losses(why.account),
        "ceiling": _ceiling(why.ceiling),
        "findings": [found.code for found in why.findings],
    }


def _failed_spins(result: ResultSet) -> list[Slot]:
    """Return the spin controls that could not be measured: their rows say why."""
    failed = (record.case for record in result.cases.values() if record.status != "ok")
    return [Slot(case=case, role="spin") for case in failed if case.kernel in PROBES]


def _control_rows(result: ResultSet, view: KernelView, failed: Iterable[Slot]) -> Iterator[Json]:
    """Yield a row per control: spin, isolated, A/A, each by workers."""
    slots = {slot.key: slot for slot in view.columns.slots.values() if slot.role != "case"}
    slots |= {slot.key: slot for slot in failed if not view.columns.of(slot.case)}
    for slot in sorted(slots.values(), key=lambda slot: (_ROLES.index(slot.role), slot.case.workers, slot.key)):
        record = result.cases.get(slot.case.id) or CaseRecord(case=slot.case)
        figures = view.control(slot.case, slot.role)
        yield {
            **_name(result, slot.case),
            "kernel": slot.role,
            "of": view.columns.kernel,
            "status": record.status,
            "reason": record.reason,
            "cure": record.cure,
            "blocks": figures.blocks,
            "repeats": record.repeats,
            **_figures(figures, view.unit(slot.case)),
            "over_subscribed": _over_subscribed(result, slot.case),
            "isa": record.isa,
        }


def _kernel_row(result: ResultSet, view: KernelView, cases: Iterable[Case]) -> Json:
    """Say how precise a kernel became, against what was asked."""
    reached = precision_reached(view.judged(cases))
    target = result.study.get("precision")
    return {
        "kernel": view.columns.kernel,
        "blocks": view.columns.blocks,
        "precision_reached": reached if math.isfinite(reached) else None,
        "target": target,
        "target_met": target is not None and reached <= target,
        "fastest_serial": view.fastest_serial.id if view.fastest_serial is not None else None,
        "in_rounds_s": view.columns.in_rounds_s,
    }


def _name(result: ResultSet, case: Case) -> Json:
    return {
        "case": case.id,
        "kernel": case.kernel,
        "implementation": case.implementation,
        "executor": case.executor,
        "start_method": case.start_method,
        "transport": case.transport,
        "scaling": case.scaling,
        "schedule": case.schedule,
        "workers": case.workers,
        "chunks_per_worker": case.chunks_per_worker,
        "size": case.size,
        "interpreter": case.interpreter or str(result.environment.get("interpreter", {}).get("label", "")),
    }


def _figures(figures: CaseEstimates, unit: str) -> Json:
    rate = _estimate(figures.rate)
    return {
        "wall_s": _estimate(figures.wall_s),
        "rate": None if rate is None else {**rate, "unit": unit},
        "speedup": _estimate(figures.speedup),
        "efficiency": _estimate(figures.efficiency),
        "relative_efficiency": _estimate(figures.relative_efficiency),
        "vs_fastest_serial": _estimate(figures.vs_fastest_serial),
    }


def _estimate(estimate: Estimate | None) -> Json | None:
    if estimate is None:
        return None
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "confidence": estimate.confidence,
        "blocks": estimate.n,
    }


def _status(record: CaseRecord, figures: CaseEstimates) -> tuple[str, str, str]:
    """Return status, reason and cure; what measuring said stands, what the figures say comes after it."""
    if record.status != "ok":
        return record.status, record.reason, record.cure
    if not figures.blocks:
        return "unavailable", _NOT_MEASURED, _NOT_MEASURED_CURE
    if too_noisy(figures.speedup):
        assert figures.speedup is not None
        low, high = figures.speedup.low, figures.speedup.high
        return "too_noisy", f"the speed-up lies anywhere between {low:.2f} and {high:.2f}", _NOISY_CURE
    return "ok", "", ""


def _over_subscribed(result: ResultSet, case: Case) -> bool:
    usable = result.environment.get("cpus", {}).get("count")
    return usable is not None and case.workers > usable


def _gil(seen: GilSeen) -> Json:
    return {
        "available": seen.available,
        "reason": seen.reason,
        "cure": seen.cure,
        "enabled": seen.enabled,
        "switched_on": seen.switched_on,
        "held": _estimate(seen.held),
        "waiting": _estimate(seen.waiting),
        "handovers_per_s": seen.handovers_per_s,
        "slow_down": _estimate(seen.slow_down),
        "overdue": _estimate(seen.overdue),
        "turn_s": seen.turn_s,
        "switch_interval_s": seen.switch_interval_s,
    }


def _losses(own: Account | None) -> Json | None:
    """Return the losses that this case has; null where one does not apply or nobody read its clock."""
    if own is None:
        return None
    return {name: None if name in own.unknown else _estimate(own.lost(name)) for name in LOSSES}


def _ceiling(ceiling: Ceiling | None) -> Json | None:
    if ceiling is None:
        return None

    def part(column: Column) -> Json | None:
        return _estimate(averaged(column))

    return {
        "spin": part(ceiling.spin),
        "isolated": part(ceiling.isolated),
        "isolated_of": ceiling.isolated_of.id if ceiling.isolated_of is not None else None,
        "machine": part(ceiling.machine),
        "memory": part(ceiling.memory),
        "software": part(ceiling.software),
        "below_spin": part(ceiling.below_spin),
    }
