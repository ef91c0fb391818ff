"""The machine-readable analysis: what ``--json`` prints and reports are made from (docs/schema.md)."""

from __future__ import annotations

import importlib.resources
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from gilscope.analysis.columns import columns_by_kernel
from gilscope.analysis.estimates import CaseEstimates, KernelView, too_noisy
from gilscope.records import CaseRecord, ResultSet
from gilscope.registry import PROBES
from gilscope.spec import Case, Slot
from gilscope.stats import Estimate, precision_reached
from gilscope.units import NS_PER_S

__all__ = ["SCHEMA", "SCHEMA_VERSION", "analyse", "json_schema"]

SCHEMA = "gilscope.analysis"

# History
# 1   cases, controls, kernels
SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]

_NOT_SAMPLED = "the GIL was not sampled: this result has no diagnostic rounds"
_NO_LOSSES = "losses need diagnostic rounds, which this result does not have"
_NOT_MEASURED = "the run ended before this case was measured"
_NOT_MEASURED_CURE = "give it a larger --budget, or ask for fewer cases"
_NOISY_CURE = "stop other programs, or give it a larger --budget"
_ROLES = ("spin", "isolated", "A/A")
_NOTHING = CaseEstimates(blocks=0)


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
    cases = [_case_row(result, record, views.get(record.case.kernel)) for record in _asked_for(result, views)]
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
        "findings": [],
        "not_analysed": {"gil": _NOT_SAMPLED, "losses": _NO_LOSSES, "findings": _NO_LOSSES},
        "warnings": list(result.warnings),
    }


def _asked_for(result: ResultSet, views: Mapping[str, KernelView]) -> Iterator[CaseRecord]:
    """Yield the cases that were asked for, with their T(1); probes only where they were measured for their own sake."""
    for record in result.cases.values():
        view = views.get(record.case.kernel)
        if record.case.kernel not in PROBES or (view is not None and view.columns.of(record.case)):
            yield record


def _case_row(result: ResultSet, record: CaseRecord, view: KernelView | None) -> Json:
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
        "isa": record.isa,
        "gil": _gil(result),
        "losses": None,
        "findings": [],
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


def _gil(result: ResultSet) -> Json:
    return {
        "available": False,
        "reason": _NOT_SAMPLED,
        "enabled": result.environment.get("interpreter", {}).get("gil_enabled"),
        "held": None,
        "waiting": None,
        "handovers_per_s": None,
    }
