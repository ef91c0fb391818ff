"""Everything known about one case as names and texts: for ``gilscope show --case`` and for the panel on a page."""

from __future__ import annotations

import math
from typing import NamedTuple

from gilscope.analysis.gil import GilActivity
from gilscope.analysis.rows import CaseRow, Limits, Placement
from gilscope.core.records import CaseRecord
from gilscope.core.units import NS_PER_S
from gilscope.report.figures import NONE, interval, percent, seconds, si
from gilscope.report.sentences.factors import factor_sentence
from gilscope.report.sentences.findings import LOSS_LABELS

ONE_TIME = ("start", "import", "jit", "transfer")
LISTED_WORKERS = 16  # as many as have stamps of their own
WORK = "work"  # name of the part that is not a loss


class TimePart(NamedTuple):
    """A part of workers x wall: ``value`` is a fraction, ``text`` has it in percent with its interval."""

    name: str
    label: str
    value: float
    text: str


def time_parts(row: CaseRow) -> list[TimePart]:
    """Return work and losses of a case, which add up to 1; nothing for a case without losses."""
    if not row.losses:
        return []
    known = {name: loss for name, loss in row.losses.items() if loss is not None}
    work = 1.0 - math.fsum(loss.value for loss in known.values())
    lost = (TimePart(name, LOSS_LABELS[name], loss.value, percent(loss)) for name, loss in known.items())
    return [TimePart(WORK, "work of T(1)", work, f"{100 * work:z.0f}%"), *lost]


def facts_of(row: CaseRow, record: CaseRecord | None = None) -> dict[str, str]:
    """Return names and texts in a fixed order, ``NONE`` where unknown; ``record`` is of the case's preparation."""
    over = " (more than the usable CPUs)" if row.over_subscribed else ""
    state = {None: "", True: "GIL on", False: "GIL off"}[row.gil.enabled]
    python = ", ".join(filter(None, (row.python and f"Python {row.python}", state, row.gil.switched_on)))
    facts = {
        "status": row.status.replace("_", " ") + (f": {row.why}" if row.why else ""),
        "executor": row.case.how,
        "interpreter": f"{row.interpreter} ({python})" if python else "",
        "workers": f"{row.case.workers}{over}",
        "blocks": str(row.blocks),
        "time": interval(row.wall_s, seconds),
        "rate": f"{interval(row.rate, lambda value: si(value).rstrip())} {row.rate.unit}/s" if row.rate else "",
        "vs best serial": interval(row.vs_fastest_serial),
        "speed-up": interval(row.speedup),
        "net speed-up": interval(row.net_speedup),
        "efficiency": percent(row.efficiency),
        "as a product": factor_sentence(row),
        "of the machine's limit": percent(row.relative_efficiency),
        **_limits(row.ceiling or Limits()),
        **_gil(row.gil),
        "findings": ", ".join(row.codes),
        **_prepared(row, record),
    }
    return {name: text or NONE for name, text in facts.items()}


def _limits(found: Limits) -> dict[str, str]:
    steps = {"machine": found.machine, "memory": found.memory, "software": found.software}
    lost = [f"{name} {percent(step)}" for name, step in steps.items() if step is not None]
    if len(lost) < len(steps) and found.below_spin is not None:
        lost.append(f"memory and software {percent(found.below_spin)}")
    borrowed = f" (of {found.isolated_of.id})" if found.isolated_of is not None and found.isolated is not None else ""
    return {
        "spin control": interval(found.spin),
        "isolated": interval(found.isolated) + borrowed,
        "lost to": ", ".join(lost),
    }


def _gil(gil: GilActivity) -> dict[str, str]:
    why = "; ".join(filter(None, (gil.reason, gil.cure)))
    rate = gil.handovers_per_s
    return {
        "GIL on": gil.switched_on.removeprefix("switched on "),
        "GIL": "" if gil.available else why,
        "GIL held": percent(gil.held),
        "threads waiting": interval(gil.waiting),
        "hand-overs": f"{si(rate).rstrip()}/s" if rate is not None else "",
        "asked in vain": percent(gil.overdue),
        "probe's cost": f"{interval(gil.slow_down)} times the time" if gil.slow_down is not None else "",
    }


def _prepared(row: CaseRow, record: CaseRecord | None) -> dict[str, str]:
    paid = row.one_time_s
    work = record.work if record is not None else None
    return {
        "executions per round": str(row.repeats) if row.repeats else "",
        "work per execution": f"{si(work.units)} {work.unit}" if work else "",
        "instruction set": row.isa,
        "JIT cache": "" if row.jit_cache == "none" else row.jit_cache,
        "paid once": ", ".join(f"{name} {seconds(paid[name])}" for name in ONE_TIME if paid.get(name)),
        "measured in": record.family if record is not None else "",
        **{f"worker {number}": _place(place) for number, place in enumerate(row.placed[:LISTED_WORKERS])},
    }


def _place(place: Placement) -> str:
    parts = [place.worker] if place.worker is not None else []
    if place.process is not None:
        parts.append(f"process {place.process}")
    if place.cpu is not None:
        node = f" of node {place.node}" if place.node is not None else ""
        siblings = ", ".join(map(str, place.siblings or ()))
        parts.append(f"CPU {place.cpu}{node}" + (f" beside {siblings} on the same core" if siblings else ""))
    if place.clock_error_ns is not None and place.clock_offset_ns is not None:
        offset_s, error_s = place.clock_offset_ns / NS_PER_S, place.clock_error_ns / NS_PER_S
        known = f"clock {offset_s:+.6f} s, known to {seconds(error_s)}"
        parts.append(known if place.clock_error_ns else "clock of this machine")
    return ", ".join(parts)
