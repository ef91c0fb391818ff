"""Answers made by hand, with figures a test can state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from gilscope.analysis.answer import Answer, KernelRow
from gilscope.analysis.build import finding_groups
from gilscope.analysis.evidence import Evidence, GilEvidence, ScalesEvidence
from gilscope.analysis.findings import Finding
from gilscope.analysis.gil import GilActivity, holds_gil
from gilscope.analysis.rows import CaseRow, ControlRow, Rate, Role
from gilscope.analysis.to_json import to_json
from gilscope.analysis.verdict import verdicts
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord
from gilscope.report.sentences import verdict
from gilscope.stats import Estimate

CPUS = 2
NOT_SAMPLED = GilActivity(available=False, reason="not sampled", enabled=True)
ENVIRONMENT = {
    "machine": {"system": "Linux", "architecture": "x86_64", "cpu_model": "A CPU"},
    "cpus": {"count": CPUS, "limit": "machine", "detail": "the machine has 2 logical CPUs"},
    "interpreter": {"implementation": "CPython", "version": "3.11.7", "gil_enabled": True, "label": "3.11"},
    "checks": [],
}


def estimate(value: float, half_width: float = 0.01, *, blocks: int = 12) -> Estimate:
    """Return an estimate with a symmetric interval; ``half_width`` is relative."""
    low, high = sorted((value * (1 - half_width), value * (1 + half_width)))
    confidence = 1 - 2.0 ** (1 - blocks) if blocks < 6 else 0.961
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=blocks)


def rated(found: Estimate, unit: str = "iterations") -> Rate:
    return Rate(value=found.value, low=found.low, high=found.high, confidence=found.confidence, n=found.n, unit=unit)


def finding(code: str, evidence: Evidence | None = None, share: float = 0.5) -> Finding:
    """Return a finding with some evidence."""
    if code == "scales":
        return Finding(code=code, evidence=evidence or ScalesEvidence(speedup=estimate(1.9)), share=0.0)
    seen = GilEvidence(lost=estimate(0.5), held=estimate(0.99), waiting=estimate(1.0))
    return Finding(code=code, evidence=evidence or seen, share=share)


def row(
    case: str,
    *,
    rate: float = 1e8,
    speedup: float | None = None,
    half_width: float = 0.01,
    blocks: int = 12,
    status: str = "ok",
    fastest: float = 3.6e8,
    findings: Iterable[str | Finding] = (),
    unit: str = "iterations",
    **more: Any,
) -> CaseRow:
    """Return the row of a case."""
    parsed = Case.parse(case)
    ok = status in ("ok", "too_noisy")
    gain = None if parsed.is_single or not ok else estimate(speedup or 1.0, half_width, blocks=blocks)
    made: dict[str, Any] = {
        "case": parsed,
        "interpreter": parsed.interpreter or "3.11",
        "status": status,
        "blocks": blocks if ok else 0,
        "repeats": 1,
        "gil": NOT_SAMPLED,
        "holds_gil": holds_gil(CaseRecord(case=parsed)),
        "over_subscribed": parsed.workers > CPUS,
        "findings": tuple(finding(one) if isinstance(one, str) else one for one in findings),
    }
    if ok:
        made |= {
            "wall_s": estimate(0.2, half_width, blocks=blocks),
            "rate": rated(estimate(rate, half_width, blocks=blocks), unit),
            "vs_fastest_serial": estimate(rate / fastest, half_width, blocks=blocks),
        }
    if gain is not None:
        made |= {
            "speedup": gain,
            "efficiency": estimate(gain.value / parsed.workers, half_width, blocks=blocks),
            "relative_efficiency": estimate(gain.value / (0.97 * parsed.workers), half_width, blocks=blocks),
        }
    return CaseRow(**{**made, **more})


def control(role: Role, workers: int, value: float, *, of: str = "mandelbrot", half_width: float = 0.01) -> ControlRow:
    """Return the row of a control."""
    executor = "serial" if role == "A/A" else f"threads*{workers}"
    return ControlRow(
        case=Case.parse(f"spin/cy_nogil@{executor}#M"),
        interpreter="3.11",
        role=role,
        of=of,
        blocks=12,
        rate=rated(estimate(1e9, half_width)),
        speedup=estimate(value, half_width),
        over_subscribed=workers > CPUS,
    )


def answer(rows: Iterable[CaseRow], controls: Iterable[ControlRow] = (), **more: Any) -> Answer:
    """Return the answer of two usable CPUs with a GIL; decided and grouped as `analyse` does."""
    cases, beside = tuple(rows), tuple(controls)
    made: dict[str, Any] = {
        "result": "gilscope-results/20260101T000000Z/result.jsonl",
        "tool_version": "0.1.0",
        "study": {"precision": 0.05, "budget_s": 60.0},
        "environment": ENVIRONMENT,
        "rows": cases,
        "controls": beside,
        "kernels": tuple(_kernel(kernel, cases) for kernel in dict.fromkeys(row.case.kernel for row in cases)),
        "findings": tuple(finding_groups(cases)),
        "not_analysed": {"gil": "not sampled", "losses": "not sampled", "findings": "not sampled"},
        "interrupted": False,
        **more,
    }
    decided = tuple(verdicts(cases, beside, made["study"], made["environment"]))
    return Answer(**{"verdicts": decided, **made})


def changed(found: Answer, **changes: Any) -> Answer:
    """Return an answer with other rows, controls, study or environment, decided anew."""
    names = ("result", "tool_version", "study", "environment", "prices", "warnings", "interrupted", "not_analysed")
    kept = {name: getattr(found, name) for name in names}
    return answer(changes.pop("rows", found.rows), changes.pop("controls", found.controls), **{**kept, **changes})


def document(found: Answer) -> dict[str, Any]:
    """Return an answer as ``--json`` prints it."""
    return to_json(found, verdict)


def _kernel(kernel: str, rows: Sequence[CaseRow]) -> KernelRow:
    own = [row for row in rows if row.case.kernel == kernel and row.rate is not None]
    gains = [row.speedup for row in own if row.speedup is not None]
    widths = [gain.relative_half_width for gain in gains]
    enough = bool(gains) and min(gain.confidence for gain in gains) >= 0.95
    single = [row for row in own if row.case.executor == "serial"]
    return KernelRow(
        kernel=kernel,
        blocks=max((row.blocks for row in own), default=0),
        precision_reached=max(widths) if enough else None,
        target=0.05,
        target_met=enough and max(widths) <= 0.05,
        fastest_serial=max(single, key=lambda row: row.rate.value if row.rate else 0.0).case if single else None,
        in_rounds_s=20.0,
    )


def mandelbrot(**more: Any) -> Answer:
    """Return what two quiet CPUs typically give for one kernel."""
    cases = [
        row("mandelbrot/py_loop@serial#S", rate=1.6e7),
        row("mandelbrot/py_loop@threads*2#S", rate=1.57e7, speedup=0.98),
        row("mandelbrot/py_loop@processes*2#S", rate=3.0e7, speedup=1.86, one_time_s={"start": 0.31}),
        row("mandelbrot/cy_nogil@serial#M", rate=3.6e8),
        row("mandelbrot/cy_nogil@serial#M~c8", rate=3.6e8),
        row("mandelbrot/cy_nogil@threads*2#M", rate=6.9e8, speedup=1.92),
        row("mandelbrot/cy_nogil@processes*2#M", rate=6.8e8, speedup=1.90),
        row("mandelbrot/cy_prange@native*1#M", rate=3.6e8),
        row("mandelbrot/cy_prange@native*2#M", rate=7.3e8, speedup=1.93),
        row(
            "mandelbrot/nb_nogil@serial#M",
            status="unavailable",
            reason="numba is not installed",
            cure="Install it with: pip install 'gilscope[numba]'",
        ),
    ]
    return answer(cases, [control("spin", 2, 1.94), control("A/A", 1, 1.0)], **more)


def with_row(found: Answer, case: str, **changes: Any) -> Answer:
    """Return an answer in which one row differs."""
    return changed(found, rows=[replace(row, **changes) if row.case.id == case else row for row in found.rows])
