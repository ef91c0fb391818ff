"""From rounds to the answer: every figure of a result, estimated once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from gilscope.analysis.answer import Answer, FindingGroup, KernelRow
from gilscope.analysis.ceilings import Ceiling, Controls
from gilscope.analysis.columns import averaged, columns_by_kernel
from gilscope.analysis.estimates import CaseEstimates, KernelView, too_noisy
from gilscope.analysis.findings import ENOUGH, CaseView, Finding, Severity, cure_of, judge
from gilscope.analysis.gil import GilSeen, gil_by_case, holds_gil, recorded, unseen
from gilscope.analysis.interpreters import prices
from gilscope.analysis.losses import LOSSES, Account, account
from gilscope.analysis.nested import versus_limited
from gilscope.analysis.queueing import Basis, basis, held_alone
from gilscope.analysis.rows import CaseRow, ControlRow, Limits, Placement, Rate, Role
from gilscope.analysis.verdict import verdicts
from gilscope.core.cases import Case, Slot
from gilscope.core.records import CaseRecord, ResultSet, Status
from gilscope.core.registry import PROBES
from gilscope.core.typed import read
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate, precision_reached

__all__ = ["analyse", "grouped"]

_NOT_SAMPLED = "the GIL was not sampled: this result has no diagnostic rounds"
_NO_LOSSES = "the rounds of this result have no stamps of their workers"
_NO_FINDINGS = "findings need 3 blocks: give it a larger --budget"
_NOT_MEASURED = "the run ended before this case was measured"
_NOT_MEASURED_CURE = "give it a larger --budget, or ask for fewer cases"
_NOISY_CURE = "stop other programs, or give it a larger --budget"
_ROLES = ("spin", "isolated", "A/A")
_NOTHING = CaseEstimates(blocks=0)
_SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high")


def analyse(result: ResultSet) -> Answer:
    """Compute everything a result says.

    Parameters
    ----------
    result : ResultSet

    Returns
    -------
    Answer

    Notes
    -----
    Time linear in the number of rounds, but for sorting each case's blocks.
    """
    views = {kernel: KernelView(columns, result.cases) for kernel, columns in columns_by_kernel(result).items()}
    explained = _explained(result, views)
    rows = tuple(
        _case_row(result, record, views.get(record.case.kernel), explained[record.case.id])
        for record in _asked_for(result, views)
    )
    failed = _failed_spins(result)
    judged: dict[str, list[Case]] = {}
    for row in rows:
        if row.status in ("ok", "too_noisy"):
            judged.setdefault(row.case.kernel, []).append(row.case)
    controls = tuple(row for view in views.values() for row in _control_rows(result, view, failed))
    return Answer(
        result=result.path,
        tool_version=result.tool_version,
        study=dict(result.study),
        environment=dict(result.environment),
        rows=rows,
        controls=controls,
        kernels=tuple(_kernel_row(result, view, judged.get(kernel, ())) for kernel, view in views.items()),
        prices=tuple(prices(tuple(result.study.get("interpreters", ())), views)),
        findings=tuple(grouped(rows)),
        verdicts=tuple(verdicts(rows, controls, result.study, result.environment)),
        not_analysed=_not_analysed(rows),
        warnings=tuple(result.warnings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explained:
    """Where the time of one case went; ``account`` and ``ceiling`` are None for what is its own T(1)."""

    gil: GilSeen
    account: Account | None = None
    ceiling: Ceiling | None = None
    basis: Basis | None = None
    findings: Sequence[Finding] = ()


def _explained(result: ResultSet, views: Mapping[str, KernelView]) -> dict[str, _Explained]:
    """Account for every case that was asked for."""
    controls = {kernel: Controls(view.columns) for kernel, view in views.items()}
    seen = gil_by_case(result)
    enabled = result.environment.get("interpreter", {}).get("gil_enabled")
    made = {}
    for record in _asked_for(result, views):
        case, view = record.case, views.get(record.case.kernel)
        gil = seen.get(case.id) or unseen(case, enabled if isinstance(enabled, bool) else None)
        gil = recorded(gil, record)
        if view is None or case.is_single or not view.columns.of(case):
            made[case.id] = _Explained(gil=gil)
        else:
            made[case.id] = _explained_case(result, record, view, controls[case.kernel], gil)
    return made


def _explained_case(
    result: ResultSet, record: CaseRecord, view: KernelView, controls: Controls, gil: GilSeen
) -> _Explained:
    """Account for one parallel case that was measured."""
    case, functions = record.case, result.environment.get("functions", {})
    examined = functions.get(case.implementation, {}) if not case.libraries else {}  # it was seen on one thread
    figures = view.case(case)
    own = account(view.columns, case, waiting=gil.waiting)
    whole = CaseView(
        case=case,
        status=_status(record, figures)[0],
        figures=figures,
        basis=basis(
            view.columns,
            case,
            controls.spin_of(case),
            figures.relative_efficiency,
            held_alone(case, gil, figures.speedup, examined.get("held")),
            over_subscribed=_over_subscribed(result, case),
        ),
        gil=gil,
        ceiling=controls.ceiling(case, own),
        account=own,
        versus_limited=versus_limited(view.columns, case),
        cpus=result.environment.get("cpus", {}),
    )
    findings = judge(whole) if whole.status in ("ok", "too_noisy") else ()
    return _Explained(gil=gil, account=own, ceiling=whole.ceiling, basis=whole.basis, findings=findings)


def grouped(rows: Iterable[CaseRow]) -> Iterator[FindingGroup]:
    """Yield one entry per code, the most severe and most costly first."""
    groups: dict[str, list[tuple[CaseRow, Finding]]] = {}
    for row in rows:
        for found in row.findings:
            groups.setdefault(found.code, []).append((row, found))
    ranked = []
    for code, pairs in groups.items():
        severity = max(_SEVERITIES.index(found.severity) for _, found in pairs)
        ranked.append((-severity, -sum(found.share for _, found in pairs), code))
    for severity, _, code in sorted(ranked):
        yield FindingGroup(code=code, severity=_SEVERITIES[-severity], cure=cure_of(code), found=tuple(groups[code]))


def _not_analysed(rows: Sequence[CaseRow]) -> dict[str, str]:
    """Say what this result cannot tell, and why."""
    parallel = [row for row in rows if row.speedup is not None]
    missing = {}
    if not any(row.gil.available for row in rows):
        missing["gil"] = next((row.gil.reason for row in rows if row.gil.enabled is False), _NOT_SAMPLED)
    if not any(row.losses for row in parallel):
        missing["losses"] = _NO_LOSSES
    if not any(row.speedup is not None and row.speedup.confidence >= ENOUGH for row in parallel):
        missing["findings"] = _NO_FINDINGS
    return missing


def _asked_for(result: ResultSet, views: Mapping[str, KernelView]) -> Iterator[CaseRecord]:
    """Yield the cases that were asked for, with their T(1); probes only where they were measured for their own sake."""
    for record in result.cases.values():
        view = views.get(record.case.kernel)
        if record.case.kernel not in PROBES or (view is not None and view.columns.of(record.case)):
            yield record


def _case_row(result: ResultSet, record: CaseRecord, view: KernelView | None, why: _Explained) -> CaseRow:
    case = record.case
    figures = view.case(case) if view is not None else _NOTHING
    status, reason, cure = _status(record, figures)
    return CaseRow(
        case=case,
        interpreter=_label(result, case),
        status=status,
        reason=reason,
        cure=cure,
        detail=record.detail,
        blocks=figures.blocks,
        repeats=record.repeats,
        **_figures(figures, view.unit(case) if view is not None else ""),
        over_subscribed=_over_subscribed(result, case),
        one_time_s={name: value / NS_PER_S for name, value in record.one_time_ns.items()},
        jit_cache=record.jit_cache,
        placed=tuple(read(Placement, place) for place in record.placed),
        isa=record.isa,
        python=record.python,
        gil=why.gil,
        holds_gil=holds_gil(record),
        losses=_losses(why.account),
        ceiling=_limits(why.ceiling),
        basis=why.basis or Basis(),
        findings=tuple(why.findings),
    )


def _failed_spins(result: ResultSet) -> list[Slot]:
    """Return the spin controls that could not be measured: their rows say why."""
    failed = (record.case for record in result.cases.values() if record.status != "ok")
    return [Slot(case=case, role="spin") for case in failed if case.kernel in PROBES]


def _control_rows(result: ResultSet, view: KernelView, failed: Iterable[Slot]) -> Iterator[ControlRow]:
    """Yield a row per control: spin, isolated, A/A, each by workers."""
    slots = {slot.key: slot for slot in view.columns.slots.values() if slot.role != "case"}
    slots |= {slot.key: slot for slot in failed if not view.columns.of(slot.case)}
    for slot in sorted(slots.values(), key=lambda slot: (_ROLES.index(slot.role), slot.case.workers, slot.key)):
        record = result.cases.get(slot.case.id) or CaseRecord(case=slot.case)
        figures = view.control(slot.case, slot.role)
        yield ControlRow(
            case=slot.case,
            interpreter=_label(result, slot.case),
            role=cast(Role, slot.role),
            of=view.columns.kernel,
            status=record.status,
            reason=record.reason,
            cure=record.cure,
            blocks=figures.blocks,
            repeats=record.repeats,
            **_figures(figures, view.unit(slot.case)),
            over_subscribed=_over_subscribed(result, slot.case),
            isa=record.isa,
        )


def _kernel_row(result: ResultSet, view: KernelView, cases: Iterable[Case]) -> KernelRow:
    """Say how precise a kernel became, against what was asked."""
    reached = precision_reached(view.judged(cases))
    target = result.study.get("precision")
    return KernelRow(
        kernel=view.columns.kernel,
        blocks=view.columns.blocks,
        precision_reached=reached if math.isfinite(reached) else None,
        target=target,
        target_met=target is not None and reached <= target,
        fastest_serial=view.fastest_serial,
        in_rounds_s=view.columns.in_rounds_s,
    )


def _label(result: ResultSet, case: Case) -> str:
    return case.interpreter or str(result.environment.get("interpreter", {}).get("label", ""))


def _figures(figures: CaseEstimates, unit: str) -> dict[str, Any]:
    rate = figures.rate
    return {
        "wall_s": figures.wall_s,
        "rate": None
        if rate is None
        else Rate(**{one.name: getattr(rate, one.name) for one in fields(rate)}, unit=unit),
        "speedup": figures.speedup,
        "efficiency": figures.efficiency,
        "relative_efficiency": figures.relative_efficiency,
        "vs_fastest_serial": figures.vs_fastest_serial,
    }


def _status(record: CaseRecord, figures: CaseEstimates) -> tuple[Status, str, str]:
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


def _losses(own: Account | None) -> dict[str, Estimate | None] | None:
    """Return the losses that this case has; None where one does not apply or nobody read its clock."""
    if own is None:
        return None
    return {name: None if name in own.unknown else own.lost(name) for name in LOSSES}


def _limits(ceiling: Ceiling | None) -> Limits | None:
    if ceiling is None:
        return None
    parts = {one.name: averaged(getattr(ceiling, one.name)) for one in fields(Ceiling) if one.name != "isolated_of"}
    return Limits(isolated_of=ceiling.isolated_of, **parts)
