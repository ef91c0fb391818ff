"""The sentences about losses and findings: what a colleague would say, with the numbers and the cure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from gilscope.report import facts
from gilscope.report.facts import Document, Row
from gilscope.report.figures import NONE, interval, percent, seconds, si, times

__all__ = ["LOSS_WORDS", "case_findings", "finding_notes", "largest_loss", "lost_most", "sentence", "unexplained_note"]

Evidence: TypeAlias = Mapping[str, Any]

LOSS_WORDS = {
    "gil_wait": "GIL wait",
    "run_queue": "run queue",
    "stolen": "stolen",
    "dispatch": "dispatch",
    "imbalance": "imbalance",
    "blocked": "blocked",
    "omp_idle": "OpenMP idle",
    "inflation": "inflation",
    "residual": "residual",
}

UNEXPLAINED = 0.03
"""Share of workers x wall up to which blocked and residual together need no word."""

_WORTH_SHOWING = 0.02  # smaller losses are within the scatter of a quiet machine's rounds
_EXPLAINED = ("lock_bound", "too_noisy")  # these speak of the blocked time themselves
_OFTEN_PER_S = 2000  # hand-overs: byte code alone changes hands once per switch interval, 200 times a second
_NAMED = 4  # more names than this make no sentence


def lost_most(row: Row) -> tuple[str, Mapping[str, Any]] | None:
    """Return the largest loss of a row; None where there is none that is certain and worth showing."""
    known = {name: value for name, value in (row["losses"] or {}).items() if value is not None and name != "residual"}
    name = max(known, key=lambda name: known[name]["value"], default="")
    if not name or known[name]["value"] < _WORTH_SHOWING or known[name]["low"] <= 0:
        return None
    return name, known[name]


def largest_loss(row: Row) -> str:
    """Write the largest loss: ``GIL wait 42 ±3%``."""
    found = lost_most(row)
    return f"{LOSS_WORDS[found[0]]} {percent(found[1])}" if found else NONE


def case_findings(document: Document, case: str) -> list[tuple[str, Evidence, str]]:
    """Return (code, evidence, cure) of each finding about a case, in the row's order."""
    groups = {group["code"]: group for group in document["findings"]}
    row = next(row for row in document["cases"] if row["case"] == case)
    return [
        (code, groups[code]["evidence"][case], groups[code]["cure"])
        for code in row["findings"]
        if code in groups and case in groups[code]["evidence"]
    ]


def finding_notes(document: Document, kernel: str) -> list[str]:
    """Say once per finding whom it concerns, what was seen in the case that loses most, and what to do."""
    rows = {row["case"]: row for row in document["cases"] if row["kernel"] == kernel}
    said = []
    for group in document["findings"]:
        cases = [case for case in group["cases"] if case in rows]
        if not cases:
            continue
        worst = max(cases, key=lambda case: group["evidence"][case]["share"])
        told = sentence(group["code"], group["evidence"][worst], rows[worst])
        names = [facts.named(rows[case]) for case in cases]
        first = f" ({names[cases.index(worst)]})" if len(cases) > 1 else ""
        cure = f" Cure: {group['cure']}." if group["cure"] else ""
        said.append(f"{group['code']}: {_listed(names)}. {told}{first}.{cure}")
    return said


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def sentence(code: str, evidence: Evidence, row: Row) -> str:
    """Say what was seen, without the full stop."""
    return _SENTENCES[code](evidence, row)


def _scales(seen: Evidence, row: Row) -> str:
    return f"Reaches {_of_machine(seen)}, a speed-up of {interval(seen['speedup'])}"


def _of_machine(seen: Evidence) -> str:
    basis = f", both {seen['basis']}" if "basis" in seen else ""
    return f"{interval(seen['relative_efficiency'])} of what the machine gave{basis}"


def _gil(seen: Evidence) -> Iterator[str]:
    lost, held, waiting = seen.get("lost"), seen.get("held"), seen.get("waiting")
    if lost:
        yield f"Threads lose {percent(lost)} of their time to the GIL"
    if held:
        yield f"it is held {percent(held)} of the time"
    if waiting:
        yield f"{waiting['value']:.1f} threads wait for it on average"
    rate = seen.get("handovers_per_s")
    if rate is not None and rate > _OFTEN_PER_S:
        yield f"it changes hands {si(rate).rstrip()} times a second: the calls that release it are short"


def _gil_bound(seen: Evidence, row: Row) -> str:
    if "cpu_per_wall" in seen:
        return (
            f"{row['workers']} threads keep {interval(seen['cpu_per_wall'])} CPUs busy and neither queue nor sleep: "
            f"one at a time, as under the GIL (probe {seen['probe']})"
        )
    return ", ".join(_gil(seen))


def _gil_held_in_c(seen: Evidence, row: Row) -> str:
    parts = list(_gil(seen))
    if "turn_s" in seen and "switch_interval_s" in seen:
        parts.append(
            f"in turns of {seconds(seen['turn_s'])} by C code that does not let go when asked after "
            f"{seconds(seen['switch_interval_s'])}"
        )
    return ", ".join(parts)


def _gil_re_enabled(seen: Evidence, row: Row) -> str:
    return ", ".join([f"This free-threaded build runs with the GIL, {seen['switched_on']}", *_gil(seen)])


def _memory_bound(seen: Evidence, row: Row) -> str:
    return (
        f"On private copies the memory system gives {interval(seen['isolated'])} where the CPUs give "
        f"{interval(seen['spin'])}; {percent(seen['inflation_memory'])} of the core-seconds are CPU time spent on that"
    )


def _contention(seen: Evidence, row: Row) -> str:
    return (
        f"The same work takes more CPU time than isolated workers need, {percent(seen['inflation_software'])} of the "
        "core-seconds: workers share objects, cache lines or an allocator"
    )


def _imbalance(seen: Evidence, row: Row) -> str:
    if "waiting" in seen:
        return (
            f"The runtime's threads wait or spin {percent(seen['waiting'])} of their time: uneven work or short regions"
        )
    uneven = f"; uneven CPU time accounts for {percent(seen['uneven'])}" if "uneven" in seen else ""
    return f"Workers wait for each other {percent(seen['imbalance'])} of their time{uneven}"


def _dispatch_bound(seen: Evidence, row: Row) -> str:
    wall = f"; one execution takes {seconds(seen['wall_s']['value'])}" if "wall_s" in seen else ""
    return f"Handing out work and waking workers takes {percent(seen['dispatch'])} of their time{wall}"


def _over_subscribed(seen: Evidence, row: Row) -> str:
    limit = f" ({seen['limit']})" if "limit" in seen else ""
    return (
        f"{row['workers']} workers have {seen['usable_cpus']} usable CPUs{limit} and queue for them "
        f"{percent(seen['run_queue'])} of their time"
    )


def _nested_parallelism(seen: Evidence, row: Row) -> str:
    threads = f": {seen['threads']} threads for {seen['usable_cpus']} CPUs" if "threads" in seen else ""
    told = f"Each of {row['workers']} workers runs its libraries' own threads{threads}"
    if "versus_limited" in seen:
        return f"{told}; a call takes {times(seen['versus_limited'])} as long as with one thread per worker"
    return f"{told}; one worker alone keeps {interval(seen['cpus_per_worker'])} CPUs busy"


def _quota_limited(seen: Evidence, row: Row) -> str:
    quota = f" of {seen['quota_cpus']:g} CPUs" if "quota_cpus" in seen else ""
    queued = f"; workers queue for a CPU {percent(seen['run_queue'])} of their time" if "run_queue" in seen else ""
    return f"The cgroup's CPU quota{quota} stopped threads for {percent(seen['throttled'])} of workers x wall{queued}"


def _smt_limited(seen: Evidence, row: Row) -> str:
    return (
        f"{row['workers']} workers share {seen['physical_cores']} physical cores: even arithmetic in registers reaches "
        f"only {interval(seen['spin'])}, and {percent(seen['inflation_machine'])} of the core-seconds go into sharing"
    )


def _stolen(seen: Evidence, row: Row) -> str:
    return f"The hypervisor gave {percent(seen['stolen'])} of workers x wall to other guests"


def _lock_bound(seen: Evidence, row: Row) -> str:
    return f"Workers sleep {percent(seen['blocked'])} of their time inside their work: locks, I/O or mere sleep"


def _too_noisy(seen: Evidence, row: Row) -> str:
    if "run_queue" in seen:
        return f"Other programs took the CPUs {percent(seen['run_queue'])} of the time"
    if "relative_efficiency" in seen:
        return f"Reaches {_of_machine(seen)}: that says nothing"
    if "speedup" in seen:
        return f"The speed-up lies anywhere in {interval(seen['speedup'])}"
    return "The rounds scatter too much to tell"


_SENTENCES: dict[str, Callable[[Evidence, Row], str]] = {
    "scales": _scales,
    "gil_bound": _gil_bound,
    "gil_held_in_c": _gil_held_in_c,
    "gil_re_enabled": _gil_re_enabled,
    "memory_bound": _memory_bound,
    "contention": _contention,
    "imbalance": _imbalance,
    "dispatch_bound": _dispatch_bound,
    "nested_parallelism": _nested_parallelism,
    "over_subscribed": _over_subscribed,
    "quota_limited": _quota_limited,
    "smt_limited": _smt_limited,
    "stolen": _stolen,
    "lock_bound": _lock_bound,
    "too_noisy": _too_noisy,
}


def unexplained_note(document: Document, kernel: str) -> str:
    """Name the cases in which more is blocked or unexplained than code that neither locks nor sleeps should have."""
    odd = []
    for row in facts.of_kernel(document, kernel):
        losses = row["losses"] or {}
        known = [losses[name] for name in ("blocked", "residual") if losses.get(name)]
        if len(known) < 2 or any(code in _EXPLAINED for code in row["findings"]) or not _gil_told(row):
            continue
        total = math.fsum(abs(part["value"]) for part in known)
        if total > UNEXPLAINED and known[0]["low"] > 0:
            odd.append(f"{facts.named(row)} {100 * total:.1f} %")
    return f"blocked or unexplained beyond {100 * UNEXPLAINED:.0f} %: {_listed(odd)}" if odd else ""


def _gil_told(row: Row) -> bool:
    """Whether time blocked is not time waiting for the GIL."""
    return bool(row["executor"] != "threads" or row["gil"]["available"] or not facts.gil_enabled(row))
