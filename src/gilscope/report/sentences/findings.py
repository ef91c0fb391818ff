"""The sentences about losses and findings: what a colleague would say, with the numbers and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gilscope.analysis import evidence
from gilscope.analysis.answer import Answer, FindingGroup
from gilscope.analysis.findings import Finding
from gilscope.analysis.findings._gil import in_c
from gilscope.analysis.rows import UNEXPLAINED, CaseRow
from gilscope.report.figures import NONE, counted, interval, percent, seconds, si, times
from gilscope.report.labels import named
from gilscope.report.sentences.blame import held_by
from gilscope.stats import Estimate

LOSS_LABELS = {
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

_OFTEN_PER_S = 2000  # hand-offs: byte code alone changes hands once per switch interval, 200 times a second
_NAMED = 4  # a sentence names no more


def largest_loss(row: CaseRow) -> str:
    """Write the largest loss: ``GIL wait 42 ±3%``."""
    found = row.largest_loss
    return f"{LOSS_LABELS[found[0]]} {percent(found[1])}" if found is not None else NONE


class KernelFinding(NamedTuple):
    """A finding in a kernel: the cases it concerns, and the evidence in the one that loses most."""

    group: FindingGroup
    rows: list[CaseRow]
    text: str


def findings_in(answer: Answer, kernel: str) -> Iterator[KernelFinding]:
    """Yield what was found in a kernel, once per finding; the case is named where there are several."""
    for group in answer.findings:
        pairs = group.within(kernel)
        if pairs:
            worst, found = max(pairs, key=lambda pair: pair[1].share)
            of = f" ({named(worst)})" if len(pairs) > 1 else ""
            yield KernelFinding(group, [row for row, _ in pairs], f"{sentence(found, worst)}{of}.")


def finding_notes(answer: Answer, kernel: str) -> list[str]:
    """Say once per finding which cases it concerns, what the evidence is, and what to do."""
    return [
        f"{group.code}: {_listed([*map(named, rows)])}. {text}" + (f" Fix: {group.cure}." if group.cure else "")
        for group, rows, text in findings_in(answer, kernel)
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def sentence(found: Finding, row: CaseRow) -> str:
    """Say what was found, without the full stop."""
    return _SENTENCES[found.code](found.evidence, row)


def unexplained_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Name the cases in which more is blocked or unexplained than code that neither locks nor sleeps should have."""
    odd = [(named(row), row.unexplained) for row in answer.by_kernel[kernel]]
    names = [f"{name} {100 * share:.1f} %" for name, share in odd if share is not None]
    if names:
        yield f"blocked or unexplained beyond {100 * UNEXPLAINED:.0f} %: {_listed(names)}"


def _scales_partly(found: evidence.PartlyEvidence, row: CaseRow) -> str:
    lost = found.lost
    largest = f"; the largest loss is {LOSS_LABELS[found.largest]}, {percent(lost)}" if lost is not None else ""
    return f"{_reached(found)}{largest}"


def _reached(found: evidence.ScalesEvidence) -> str:
    basis = f" (both {found.basis})" if found.basis else ""
    return f"Speed-up {interval(found.speedup)}, {interval(found.relative_efficiency)} of the machine's limit{basis}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _not_repeatable(found: evidence.RepeatEvidence, row: CaseRow) -> str:
    parts = (
        (found.fresh, "a call with fresh arguments and an empty cache takes {:.1f} times as long as later ones"),
        (found.growth, "the arguments become {:.1f} times as large while it is called"),
        (found.changed, "a call at the end takes {:.2f} times as long as one at the beginning"),
    )
    text = ", ".join(part.format(value) for value, part in parts if value is not None)
    return f"{_capital(text)}: the calls do different work"


def _superlinear(found: evidence.SuperlinearEvidence, row: CaseRow) -> str:
    parts = [f"{row.case.workers} workers do {times(found.speedup)} the work of one"]
    if found.cpu_ratio is not None:
        parts.append(f"the same work takes {times(found.cpu_ratio)} the CPU time")
    if found.faults is not None and found.single_faults is not None:
        every, one, each = _faults(found, row)
        parts.append(f"{every} page faults per {each} against {one} in one worker alone")
    return "; ".join(parts)


def _page_faults(found: evidence.FaultEvidence, row: CaseRow) -> str:
    every, one, each = _faults(found, row)
    return (
        f"Page faults take {percent(found.fault_share)} of the workers' time and {percent(found.single_fault_share)} "
        f"of one worker's alone, {every} and {one} per {each}: freed memory goes back to the system"
    )


def _faults(found: evidence.FaultEvidence | evidence.SuperlinearEvidence, row: CaseRow) -> tuple[str, str, str]:
    """Write the page faults of all workers and of one alone, and of what: of the user's functions, of a call."""
    size = row.case.size
    calls = int(size) if row.case.is_own and size.isdecimal() else 0
    every, one = (f"{it.value / (calls or 1):,.0f}" if it else NONE for it in (found.faults, found.single_faults))
    return every, one, "call" if calls else "execution"


def _inflation(found: evidence.InflationEvidence, row: CaseRow) -> str:
    return (
        f"The same work takes {times(found.cpu_ratio)} the CPU time, {percent(found.inflation)} of the workers' time: "
        "memory, caches, the allocator, shared objects or lower clocks of vector code"
    )


def _gil(found: evidence.GilEvidence) -> str:
    """Say what the GIL costs: clauses without a capital letter; empty where there is no figure."""
    return "; ".join(_costs(found))


def _costs(found: evidence.GilEvidence) -> Iterator[str]:
    if found.lost:
        yield f"threads lose {percent(found.lost)} of their time to the GIL"
    waiting = f", {found.waiting.value:.1f} threads wait for it on average" if found.waiting else ""
    if found.held:
        yield f"it is held {percent(found.held)} of the time{waiting}"
    if found.culprit:
        yield f"it is {held_by(found.culprit, {})}"
    rate = found.handovers_per_s
    if rate is not None and rate > _OFTEN_PER_S:
        yield f"it changes hands {si(rate).rstrip()} times a second because the calls that release it are short"


def _gil_bound(found: evidence.GilEvidence, row: CaseRow) -> str:
    if found.cpu_per_wall is None:
        return _capital("; ".join(filter(None, [_gil(found), _perhaps_in_c(found)])))
    return (
        f"{row.case.workers} threads keep {interval(found.cpu_per_wall)} CPUs busy and neither queue nor sleep: "
        f"they run one at a time, as under the GIL (probe {found.probe})"
    )


def _perhaps_in_c(found: evidence.GilEvidence) -> str:
    if found.overdue is None or in_c(found.overdue) is not None:
        return ""
    return f"it may be C code that keeps it: {percent(found.overdue)} of the held time is after another thread asked"


def _limit(found: evidence.MemoryEvidence, row: CaseRow) -> Estimate | None:
    """Return the machine's limit as the answer has it."""
    return row.basis.control if row.basis.net and row.basis.control is not None else found.spin


def _gil_held_in_c(found: evidence.GilEvidence, row: CaseRow) -> str:
    parts = [_gil(found)]
    if found.turn_s is not None and found.switch_interval_s is not None:
        turn, interval_s = seconds(found.turn_s), seconds(found.switch_interval_s)
        parts.append(f"C code keeps it for {turn} at a time, past the switch interval of {interval_s}")
    return _capital("; ".join(filter(None, parts)))


def _memory_bound(found: evidence.MemoryEvidence, row: CaseRow) -> str:
    copies, limit = interval(found.isolated), interval(_limit(found, row))
    return (
        f"Workers on private copies reach {copies} where the CPUs reach {limit}: "
        f"waiting for memory costs {percent(found.inflation_memory)} of the workers' time. "
        "Vector code (AVX) whose clocks fall with busy cores looks the same"
    )


def _contention(found: evidence.ContentionEvidence, row: CaseRow) -> str:
    return (
        f"The work takes more CPU time than on private copies, {percent(found.inflation_software)} of the workers' "
        "time: workers share objects, cache lines or an allocator. Memory on another NUMA node looks the same"
    )


def _imbalance(found: evidence.ImbalanceEvidence, row: CaseRow) -> str:
    if found.waiting is not None:
        waiting = percent(found.waiting)
        return f"The runtime's threads wait or spin {waiting} of their time: uneven work or short regions"
    uneven = f"; uneven CPU time accounts for {percent(found.uneven)}" if found.uneven is not None else ""
    return f"Workers wait for each other {percent(found.imbalance)} of their time{uneven}"


def _dispatch_bound(found: evidence.DispatchEvidence, row: CaseRow) -> str:
    wall = f"; one execution takes {seconds(found.wall_s.value)}" if found.wall_s is not None else ""
    return f"Handing out work and waking workers takes {percent(found.dispatch)} of their time{wall}"


def _over_subscribed(found: evidence.OverSubscribedEvidence, row: CaseRow) -> str:
    limit = f" ({found.limit})" if found.limit else ""
    share = f"{percent(found.run_queue)} of their time"
    return f"{row.case.workers} workers share {found.usable_cpus} usable CPUs{limit} and queue for them {share}"


def _nested_parallelism(found: evidence.NestedEvidence, row: CaseRow) -> str:
    threads = f": {found.threads} threads for {found.usable_cpus} CPUs" if found.threads is not None else ""
    text = f"Each of {row.case.workers} workers runs its libraries' own threads{threads}"
    if found.versus_limited is not None:
        return f"{text}; a call takes {times(found.versus_limited)} as long as with one thread per worker"
    return f"{text}; one worker alone keeps {interval(found.cpus_per_worker)} CPUs busy"


def _quota_limited(found: evidence.QuotaEvidence, row: CaseRow) -> str:
    quota = f" of {found.quota_cpus:g} CPUs" if found.quota_cpus is not None else ""
    share = found.run_queue
    queued = f"; workers queue for a CPU {percent(share)} of their time" if share is not None else ""
    return f"The cgroup's CPU quota{quota} stopped threads {percent(found.throttled)} of their time{queued}"


def _smt_limited(found: evidence.SmtEvidence, row: CaseRow) -> str:
    cores = counted(found.physical_cores, "physical core") if found.physical_cores else "physical cores"
    return (
        f"{row.case.workers} workers share {cores}: arithmetic in registers "
        f"reaches only {interval(found.spin)}, sharing costs {percent(found.inflation_machine)} of the workers' time. "
        "Clocks that fall with busy cores (turbo) look the same"
    )


def _gil_or_lock(found: evidence.LockEvidence, row: CaseRow) -> str:
    return (
        f"Workers are blocked {percent(found.blocked)} of their time by a lock or by the GIL, which is held "
        f"{percent(found.held)} of the time; which of the two is unknown ({row.gil.waiting_reason})"
    )


def _too_noisy(found: evidence.NoiseEvidence, row: CaseRow) -> str:
    if found.swing is None:
        return _too_wide(found, row)
    return (
        f"{_too_wide(found, row)}. One worker alone takes up to {found.swing:.1f} times as much CPU time for the same: "
        "its calls differ, or another virtual machine or changing clocks slow the CPU"
    )


def _too_wide(found: evidence.NoiseEvidence, row: CaseRow) -> str:
    if found.run_queue is not None:
        return f"Other programs took the CPUs {percent(found.run_queue)} of the time"
    if found.relative_efficiency is not None:
        low, high = (100 * end for end in (found.relative_efficiency.low, found.relative_efficiency.high))
        return f"Undecided: between {low:.0f} and {high:.0f} % of the machine's limit"
    if found.speedup is not None:
        taken = row.basis.taken_out
        much = taken is not None and taken.value > 0.1
        why = f": other programs and slow CPUs took {percent(taken)} of its time" if much else ""
        return f"Undecided: a speed-up of {interval(found.speedup)}{why}"
    return "Undecided: the times scatter too much"


_SENTENCES: Mapping[str, Callable[[Any, CaseRow], str]] = {
    "scales": lambda found, row: _reached(found),
    "scales_partly": _scales_partly,
    "not_repeatable": _not_repeatable,
    "too_short": lambda found, row: f"A call takes {seconds(found.call_s)}, an empty function {seconds(found.empty_s)}",
    "superlinear": _superlinear,
    "page_faults": _page_faults,
    "inflation": _inflation,
    "gil_bound": _gil_bound,
    "gil_held_in_c": _gil_held_in_c,
    "gil_re_enabled": lambda found, row: "; ".join(
        filter(None, [f"This free-threaded build runs with the GIL, {found.switched_on}", _gil(found)])
    ),
    "memory_bound": _memory_bound,
    "contention": _contention,
    "imbalance": _imbalance,
    "dispatch_bound": _dispatch_bound,
    "nested_parallelism": _nested_parallelism,
    "over_subscribed": _over_subscribed,
    "quota_limited": _quota_limited,
    "smt_limited": _smt_limited,
    "stolen": lambda found, row: f"The hypervisor gave {percent(found.stolen)} of the workers' time to other guests",
    "lock_bound": lambda found, row: (
        f"Workers sleep {percent(found.blocked)} of their time during their work: locks, I/O or sleep()"
    ),
    "gil_or_lock": _gil_or_lock,
    "too_noisy": _too_noisy,
}
