"""From rounds to the answer: every figure of a result, estimated once."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any, Literal, cast

from gilscope.analysis.answer import Answer, FindingGroup, KernelRow
from gilscope.analysis.ceilings import Ceiling, Controls
from gilscope.analysis.columns import Columns, averaged, columns_by_kernel, estimated, grouped, ratio
from gilscope.analysis.estimates import CaseEstimates, KernelView, too_noisy
from gilscope.analysis.factors import factors
from gilscope.analysis.findings import ENOUGH, CaseView, Severity, cure_of, judge
from gilscope.analysis.findings._view import OWN_THREADS
from gilscope.analysis.gil import HELD_THROUGHOUT, GilActivity, gil_by_case, holds_gil, recorded, unsampled
from gilscope.analysis.interpreters import prices
from gilscope.analysis.losses import LOSSES, Account, account
from gilscope.analysis.net import MUCH, Basis, Sharing, basis, held_alone, net_speedup, waits_for_locks
from gilscope.analysis.predict.demands import Alone, alone_of, demands_of
from gilscope.analysis.predict.turns import turns_by_case
from gilscope.analysis.roof import hardware_share
from gilscope.analysis.rows import MEASURED, CaseRow, ControlRow, Limits, Placement, Rate, Role
from gilscope.analysis.verdict import verdicts
from gilscope.core.cases import Case, Slot
from gilscope.core.records import CaseRecord, ResultSet, Round, Status
from gilscope.core.registry import PROBES
from gilscope.core.typed import read
from gilscope.core.units import NS_PER_S
from gilscope.results.surroundings import Surroundings
from gilscope.stats import Estimate, precision_reached

_NOT_SAMPLED = "the GIL was not sampled: this result has no diagnostic rounds"
_NO_LOSSES = "the rounds of this result have no stamps of their workers"
_NO_FINDINGS = "findings need 3 blocks: give it a larger --budget"
_NOT_MEASURED = "the run ended before this case was measured"
_NOT_MEASURED_CURE = "give it a larger --budget, or ask for fewer cases"
_NOISY_CURE = "stop other programs, or give it a larger --budget"
_ROLES = ("spin", "isolated", "A/A")
_SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high")


def analyse(result: ResultSet) -> Answer:
    """Compute everything a result says; time linear in the number of rounds, but for sorting each case's blocks."""
    views = _views(result)
    rows = tuple(_case_rows(result, views))
    measured = grouped((row.case for row in rows if row.status in MEASURED), lambda case: case.kernel)
    failed_spins = [
        Slot(case=record.case, role="spin")
        for record in result.cases.values()
        if record.status != "ok" and record.case.kernel in PROBES
    ]
    controls = tuple(row for view in views.values() for row in _control_rows(result, view, failed_spins))
    return Answer(
        result=result.path,
        tool_version=result.tool_version,
        study=dict(result.study),
        environment=dict(result.environment),
        rows=rows,
        controls=controls,
        kernels=tuple(_kernel_row(result, view, measured.get(kernel, ())) for kernel, view in views.items()),
        prices=tuple(prices(tuple(result.study.get("interpreters", ())), views)),
        findings=tuple(finding_groups(rows)),
        verdicts=tuple(verdicts(rows, controls, result.study, result.environment)),
        not_analysed=_not_analysed(rows),
        warnings=tuple(result.warnings),
    )


def figures(result: ResultSet) -> tuple[CaseRow, ...]:
    """Return the rows of a result without what explains them (losses, findings, predictions), which costs most."""
    return tuple(_case_rows(result, _views(result), explain=False))


def _views(result: ResultSet) -> dict[str, KernelView]:
    return {kernel: KernelView(columns, result.cases) for kernel, columns in columns_by_kernel(result).items()}


def _case_rows(result: ResultSet, views: Mapping[str, KernelView], *, explain: bool = True) -> Iterator[CaseRow]:
    """Yield the cases of the study with their T(1); probes only where they were measured for their own sake."""
    controls = {kernel: Controls(view.columns) for kernel, view in views.items()}
    sampled, turns, here = gil_by_case(result), turns_by_case(result), Surroundings.of(result.environment)
    enabled = result.environment.get("interpreter", {}).get("gil_enabled")
    for record in result.cases.values():
        case, view = record.case, views.get(record.case.kernel)
        if case.kernel in PROBES and (view is None or not view.columns.of(case)):
            continue
        gil = sampled.get(case.id) or unsampled(case, enabled if isinstance(enabled, bool) else None)
        single = partial(alone_of, case, sampled.get(case.t1.id), turns.get(case.t1.id), here)
        yield _case_row(
            result, record, view, controls.get(case.kernel), recorded(gil, record), single, here, explain=explain
        )


def _case_row(
    result: ResultSet,
    record: CaseRecord,
    view: KernelView | None,
    controls: Controls | None,
    gil: GilActivity,
    single: Callable[[Account | None], Alone],
    here: Surroundings,
    *,
    explain: bool,
) -> CaseRow:
    figures = view.case(record.case) if view is not None else CaseEstimates(blocks=0)
    explained: dict[str, Any] = {"basis": Basis()}
    if view is not None and figures.blocks:
        explained["net_vs_fastest_serial"] = view.net_vs_fastest_serial(record.case)
    if view is not None and controls is not None and figures.blocks and not record.case.is_single:
        explained = _explained(result, view, controls, gil, single, figures, record, explain=explain)
    found = explained["basis"]
    status, reason, cure = _status(record, figures, found.speedup)
    hardware, hardware_reason = hardware_share(record.work, figures.wall_s, record.case.workers, here.roofs)
    return CaseRow(
        net_speedup=found.speedup if found.net else None,
        **_measured(result, record, figures, view.unit(record.case) if view is not None else ""),
        kept_memory_speedup=view.kept_memory_speedup(record.case) if view is not None else None,
        status=status,
        reason=reason,
        cure=cure,
        detail=record.detail,
        one_time_s={name: value / NS_PER_S for name, value in record.one_time_ns.items()},
        jit_cache=record.jit_cache,
        placed=tuple(read(Placement, place) for place in record.placed),
        pss_bytes=record.pss_bytes,
        pages=record.pages,
        hardware=hardware,
        hardware_reason=hardware_reason,
        python=record.python,
        gil=gil,
        holds_gil=holds_gil(record),
        **explained,
    )


def _explained(
    result: ResultSet,
    view: KernelView,
    controls: Controls,
    gil: GilActivity,
    single: Callable[[Account | None], Alone],
    figures: CaseEstimates,
    record: CaseRecord,
    *,
    explain: bool,
) -> dict[str, Any]:
    """Return what a parallel case is judged by and, to ``explain`` it, where its time went, as fields of its row."""
    case, columns, functions = record.case, view.columns, result.environment.get("functions", {})
    examined = functions.get(case.implementation, {}) if not case.libraries else {}  # on one thread
    own = account(columns, case, waiting=gil.waiting)
    alone = single(own)
    spin = controls.spin_of(case)
    control = estimated(columns.speedup(spin, "spin")) if spin is not None else None
    sharing = _sharing(result, columns, record, figures, gil, _held_by_one(record, alone.gil, examined), own, spin)
    if sharing.queued is not None:
        own = account(columns, case, waiting=gil.waiting, queued=sharing.queued)
    timed = Basis(speedup=figures.speedup, relative_efficiency=figures.relative_efficiency, control=control)
    found = basis(columns, case, spin, timed, sharing)
    if not explain:
        return {"basis": found}
    status = _status(record, figures, found.speedup)[0]
    limited = columns.of(replace(case, libraries="")) if case.libraries == "all" else {}
    whole = CaseView(
        case=case,
        status=status,
        figures=figures,
        basis=found,
        gil=gil,
        ceiling=controls.ceiling(case, own),
        account=own,
        control_account=controls.account_of(spin, "spin") if spin is not None else None,
        single_over_spin=ratio(_cpu(columns, case.t1), _cpu(columns, spin.t1, "spin")) if spin is not None else {},
        versus_limited=estimated(ratio(columns.of(case), limited)),
        cpus=result.environment.get("cpus", {}),
        examined=functions.get(case.implementation, {}),
    )
    losses = own and {name: None if name in own.unknown else own.lost(name) for name in LOSSES}
    limits = {
        one.name: averaged(getattr(whole.ceiling, one.name)) for one in fields(Ceiling) if one.name != "isolated_of"
    }
    findings, product = tuple(judge(whole)) if status in MEASURED else (), factors(whole)
    return {
        "losses": losses,
        "factors": product,
        "demands": demands_of(whole, [one.code for one in findings], product, alone),
        "ceiling": Limits(isolated_of=whole.ceiling.isolated_of, **limits),
        "basis": found,
        "findings": findings,
        "net_vs_fastest_serial": view.net_vs_fastest_serial(case, sharing),
    }


def _sharing(
    result: ResultSet,
    columns: Columns,
    record: CaseRecord,
    figures: CaseEstimates,
    gil: GilActivity,
    by_one: tuple[float | None, float],
    own: Account | None,
    spin: Case | None,
) -> Sharing:
    """Return what the workers of a case share; ``by_one`` is what one of them alone holds the GIL."""
    case = record.case
    with_gil = case.one_gil and gil.enabled is not False
    held, least = by_one if with_gil else (None, 0.0)
    return Sharing(
        held=held_alone(case, gil, figures.speedup, held),
        surely_held=least,
        sampled_held=gil.held.low if gil.held is not None and with_gil else 0.0,
        locks=waits_for_locks(own),
        queued=_queued(columns, case.t1, spin) if waits_for_locks(own, MUCH) else None,
        cpus=_usable(result),
        threads=_threads(case, own),
    )


def _held_by_one(
    record: CaseRecord, single: GilActivity | None, examined: Mapping[str, Any]
) -> tuple[float | None, float]:
    """Return the share of its time one worker alone holds the GIL, and what of that is certain.

    As sampled on one worker; before anything was, of the user's functions when they were examined; else all of it where
    an implementation is declared to hold it.
    """
    sampled = single.held if single is not None else None
    if sampled is not None and (record.gil != "held" or sampled.high < HELD_THROUGHOUT):
        return sampled.value, sampled.low
    known: float | None = 1.0 if record.gil == "held" else examined.get("held")
    return known, known or 0.0


def _cpu(columns: Columns, case: Case, role: Literal["case", "spin"] = "case") -> dict[int, float]:
    """Return the CPU time of one execution per block as it was, on CPUs however slow."""
    rounds = columns.rounds_of(case, role).items()
    return {at: one.running_ns / one.repeats for at, one in rounds if one.stamps}


def _queued(columns: Columns, single: Case, spin: Case | None) -> float | None:
    """Return how long workers that wait for nothing queue on the same CPUs, over their CPU time; None: not known.

    That is T(1), bound to these CPUs, or the control on all of them, whichever queues more: one program that computes
    makes room for one worker, and not for two on two CPUs.
    """
    if single not in columns.paced:
        return None
    both = [columns.rounds_of(single), columns.rounds_of(spin, "spin") if spin is not None else {}]
    return max((share for rounds in both if (share := _queueing(rounds.values())) is not None), default=None)


def _queueing(rounds: Collection[Round]) -> float | None:
    running_ns = sum(measured.running_ns for measured in rounds)
    queued = [stamp.run_queue_ns for measured in rounds for stamp in measured.stamps]
    known = [value for value in queued if value is not None]
    return sum(known) / running_ns if running_ns and len(known) == len(queued) else None


def _threads(case: Case, own: Account | None) -> float:
    """Return how many threads each worker of a case keeps busy; without bound where its libraries use all CPUs."""
    busy = averaged(own.single_cpus) if own is not None and case.executor != "native" else None
    if case.libraries == "all":
        return math.inf
    return busy.value if busy is not None and busy.starts_above(OWN_THREADS) else 1.0


def finding_groups(rows: Iterable[CaseRow]) -> Iterator[FindingGroup]:
    """Yield one entry per code, the most severe and most costly first."""
    pairs = [(row, found) for row in rows for found in row.findings]
    groups = grouped(pairs, lambda pair: pair[1].code)
    ranked = [
        (-max(_SEVERITIES.index(found.severity) for _, found in own), -sum(found.share for _, found in own), code)
        for code, own in groups.items()
    ]
    for severity, _, code in sorted(ranked):
        yield FindingGroup(code=code, severity=_SEVERITIES[-severity], cure=cure_of(code), found=tuple(groups[code]))


def _not_analysed(rows: Sequence[CaseRow]) -> dict[str, str]:
    """Return what this result cannot tell, and why."""
    parallel = [row for row in rows if row.speedup is not None]
    missing = {}
    if not any(row.gil.available for row in rows):
        missing["gil"] = next((row.gil.reason for row in rows if row.gil.enabled is False), _NOT_SAMPLED)
    if not any(row.losses for row in parallel):
        missing["losses"] = _NO_LOSSES
    if not any(row.speedup is not None and row.speedup.confidence >= ENOUGH for row in parallel):
        missing["findings"] = _NO_FINDINGS
    return missing


def _control_rows(result: ResultSet, view: KernelView, failed: Iterable[Slot]) -> Iterator[ControlRow]:
    """Yield a row per control: spin, isolated, A/A, each by workers; of ``failed`` those without rounds."""
    slots = {slot.key: slot for slot in view.columns.slots.values() if slot.role != "case"}
    slots |= {slot.key: slot for slot in failed if not view.columns.of(slot.case)}
    for slot in sorted(slots.values(), key=lambda slot: (_ROLES.index(slot.role), slot.case.workers, slot.key)):
        record = result.cases.get(slot.case.id) or CaseRecord(case=slot.case)
        net = net_speedup(view.columns, slot.case, slot.role, Sharing(cpus=_usable(result)))
        yield ControlRow(
            net_speedup=None if slot.role == "A/A" or slot.case.is_single else net.estimate(),
            **_measured(result, record, view.control(slot.case, slot.role), view.unit(slot.case)),
            role=cast(Role, slot.role),
            of=view.columns.kernel,
            status=record.status,
            reason=record.reason,
            cure=record.cure,
        )


def _kernel_row(result: ResultSet, view: KernelView, cases: Iterable[Case]) -> KernelRow:
    reached = precision_reached(view.stopping_ratios(cases))
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


def _measured(result: ResultSet, record: CaseRecord, figures: CaseEstimates, unit: str) -> dict[str, Any]:
    """Return what cases and controls have in common, as fields of their rows."""
    case, rate, usable = record.case, figures.rate, _usable(result)
    return {
        "case": case,
        "interpreter": case.interpreter or str(result.environment.get("interpreter", {}).get("label", "")),
        "repeats": record.repeats,
        **{one.name: getattr(figures, one.name) for one in fields(figures)},
        "rate": None if rate is None else Rate(**asdict(rate), unit=unit),
        "over_subscribed": usable is not None and case.workers > usable,
        "isa": record.isa,
    }


def _status(record: CaseRecord, figures: CaseEstimates, speedup: Estimate | None) -> tuple[Status, str, str]:
    """Return status, reason and cure: those of the measurement or, if it went well, of its figures."""
    if record.status != "ok":
        return record.status, record.reason, record.cure
    if not figures.blocks:
        return "unavailable", _NOT_MEASURED, _NOT_MEASURED_CURE
    if speedup is not None and too_noisy(speedup):
        return "too_noisy", f"the speed-up is anywhere between {speedup.low:.2f} and {speedup.high:.2f}", _NOISY_CURE
    return "ok", "", ""


def _usable(result: ResultSet) -> int | None:
    usable = result.environment.get("cpus", {}).get("count")
    return usable if isinstance(usable, int) else None
