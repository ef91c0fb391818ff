"""What would be measured, and how long that would take: the words of ``--dry-run``."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.analysis.columns import grouped
from gilscope.core.cases import Case, Plan, Study
from gilscope.report.figures import counted, joined

_PREPARING_S = 0.7  # a case, about: to start, import, verify and calibrate it
_NAMED = 4  # cases that are named with one reason


def plan_lines(study: Study, plan: Plan) -> Iterator[str]:
    """Yield the lines: cases by kernel, what is not available and why, and the time."""
    slots = [slot for group in plan.groups for slot in group.slots]
    cases = [slot.case for slot in slots if slot.role == "case"]
    yield f"would measure {counted(len(cases), 'case')}, each in every block beside {len(slots) - len(cases)} controls"
    for group in plan.groups:
        own = [slot.case for slot in group.slots if slot.role == "case"]
        yield f"{group.kernel}: {'; '.join(_ways(own))}"
    for (reason, cure), missing in grouped(plan.unavailable, lambda entry: (entry.reason, entry.cure)).items():
        names = [entry.case.id for entry in missing[:_NAMED]]
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        yield f"n/a: {', '.join(names)}{more}: {'; '.join(filter(None, (reason, cure)))}"
    sessions = len({slot.session for slot in slots})
    yield f"time: about {sessions * _PREPARING_S:.0f} s of preparing, then up to {study.budget_s:g} s of measuring"


def _ways(cases: list[Case]) -> Iterator[str]:
    """Yield ``cy_nogil by serial, threads*2`` per implementation."""
    for name, own in grouped(cases, lambda case: case.implementation).items():
        ways = dict.fromkeys(case.how if case.is_single else f"{case.how}*{case.workers}" for case in own)
        yield f"{name} by {joined(ways)}"


def plan_document(study: Study, plan: Plan) -> dict[str, object]:
    """Return the same as a JSON-able document."""
    return {
        "cases": [slot.case.id for group in plan.groups for slot in group.slots if slot.role == "case"],
        "unavailable": [{"case": e.case.id, "reason": e.reason, "cure": e.cure} for e in plan.unavailable],
        "budget_s": study.budget_s,
    }
