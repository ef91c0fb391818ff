"""The sentences about losses and findings: what a colleague would say, with the numbers and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gilscope.analysis import evidence
from gilscope.analysis.answer import Answer, FindingGroup
from gilscope.analysis.findings import Finding
from gilscope.analysis.rows import UNEXPLAINED, CaseRow
from gilscope.report.figures import NONE, interval, percent, seconds, si, times
from gilscope.report.labels import named

__all__ = ["LOSS_WORDS", "Seen", "finding_notes", "largest_loss", "listed", "seen_in", "sentence", "unexplained_note"]

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

_OFTEN_PER_S = 2000  # hand-overs: byte code alone changes hands once per switch interval, 200 times a second
_NAMED = 4  # more names than this make no sentence


def largest_loss(row: CaseRow) -> str:
    """Write the largest loss: ``GIL wait 42 ±3%``."""
    found = row.largest_loss
    return f"{LOSS_WORDS[found[0]]} {percent(found[1])}" if found is not None else NONE


class Seen(NamedTuple):
    """A finding in a kernel: all cases that it concerns, and what was seen in the one that loses most."""

    group: FindingGroup
    rows: list[CaseRow]
    text: str

    @property
    def fix(self) -> str:
        """Its fix as a sentence; empty where there is nothing to fix."""
        return f"Cure: {self.group.cure}." if self.group.cure else ""


def seen_in(answer: Answer, kernel: str) -> Iterator[Seen]:
    """Yield what was found in a kernel, once per finding; the case is named where there are several."""
    for group in answer.findings:
        pairs = group.within(kernel)
        if pairs:
            worst, found = max(pairs, key=lambda pair: pair[1].share)
            of = f" ({named(worst)})" if len(pairs) > 1 else ""
            yield Seen(group, [row for row, _ in pairs], f"{sentence(found, worst)}{of}.")


def finding_notes(answer: Answer, kernel: str) -> list[str]:
    """Say once per finding whom it concerns, what was seen in the case that loses most, and what to do."""
    return [
        f"{seen.group.code}: {listed([*map(named, seen.rows)])}. {seen.text} {seen.fix}".rstrip()
        for seen in seen_in(answer, kernel)
    ]


def listed(names: list[str]) -> str:
    """Write the first names and how many more there are."""
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def sentence(found: Finding, row: CaseRow) -> str:
    """Say what was seen, without the full stop."""
    return _SENTENCES[found.code](found.evidence, row)


def unexplained_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Name the cases in which more is blocked or unexplained than code that neither locks nor sleeps should have."""
    odd = [(named(row), row.unexplained) for row in answer.by_kernel[kernel]]
    names = [f"{name} {100 * share:.1f} %" for name, share in odd if share is not None]
    if names:
        yield f"blocked or unexplained beyond {100 * UNEXPLAINED:.0f} %: {listed(names)}"


def _scales(seen: evidence.ScalesSeen, row: CaseRow) -> str:
    return f"Reaches {_of_machine(seen)}, a speed-up of {interval(seen.speedup)}"


def _of_machine(seen: evidence.ScalesSeen | evidence.NoiseSeen) -> str:
    basis = f", both {seen.basis}" if seen.basis else ""
    return f"{interval(seen.relative_efficiency)} of what the machine gave{basis}"


def _gil(seen: evidence.GilEvidence) -> Iterator[str]:
    lost, held, waiting = seen.lost, seen.held, seen.waiting
    if lost:
        yield f"Threads lose {percent(lost)} of their time to the GIL"
    if held:
        yield f"it is held {percent(held)} of the time"
    if waiting:
        yield f"{waiting.value:.1f} threads wait for it on average"
    rate = seen.handovers_per_s
    if rate is not None and rate > _OFTEN_PER_S:
        yield f"it changes hands {si(rate).rstrip()} times a second: the calls that release it are short"


def _gil_bound(seen: evidence.GilEvidence, row: CaseRow) -> str:
    if seen.cpu_per_wall is not None:
        return (
            f"{row.case.workers} threads keep {interval(seen.cpu_per_wall)} CPUs busy and neither queue nor sleep: "
            f"one at a time, as under the GIL (probe {seen.probe})"
        )
    return ", ".join(_gil(seen))


def _gil_held_in_c(seen: evidence.GilEvidence, row: CaseRow) -> str:
    parts = list(_gil(seen))
    if seen.turn_s is not None and seen.switch_interval_s is not None:
        parts.append(
            f"in turns of {seconds(seen.turn_s)} by C code that does not let go when asked after "
            f"{seconds(seen.switch_interval_s)}"
        )
    return ", ".join(parts)


def _gil_re_enabled(seen: evidence.GilEvidence, row: CaseRow) -> str:
    return ", ".join([f"This free-threaded build runs with the GIL, {seen.switched_on}", *_gil(seen)])


def _memory_bound(seen: evidence.MemorySeen, row: CaseRow) -> str:
    return (
        f"On private copies the memory system gives {interval(seen.isolated)} where the CPUs give "
        f"{interval(seen.spin)}; {percent(seen.inflation_memory)} of the core-seconds are CPU time spent on that"
    )


def _contention(seen: evidence.ContentionSeen, row: CaseRow) -> str:
    return (
        f"The same work takes more CPU time than isolated workers need, {percent(seen.inflation_software)} of the "
        "core-seconds: workers share objects, cache lines or an allocator"
    )


def _imbalance(seen: evidence.ImbalanceSeen, row: CaseRow) -> str:
    if seen.waiting is not None:
        return f"The runtime's threads wait or spin {percent(seen.waiting)} of their time: uneven work or short regions"
    uneven = f"; uneven CPU time accounts for {percent(seen.uneven)}" if seen.uneven is not None else ""
    return f"Workers wait for each other {percent(seen.imbalance)} of their time{uneven}"


def _dispatch_bound(seen: evidence.DispatchSeen, row: CaseRow) -> str:
    wall = f"; one execution takes {seconds(seen.wall_s.value)}" if seen.wall_s is not None else ""
    return f"Handing out work and waking workers takes {percent(seen.dispatch)} of their time{wall}"


def _over_subscribed(seen: evidence.OverSubscribedSeen, row: CaseRow) -> str:
    limit = f" ({seen.limit})" if seen.limit else ""
    return (
        f"{row.case.workers} workers have {seen.usable_cpus} usable CPUs{limit} and queue for them "
        f"{percent(seen.run_queue)} of their time"
    )


def _nested_parallelism(seen: evidence.NestedSeen, row: CaseRow) -> str:
    threads = f": {seen.threads} threads for {seen.usable_cpus} CPUs" if seen.threads is not None else ""
    said = f"Each of {row.case.workers} workers runs its libraries' own threads{threads}"
    if seen.versus_limited is not None:
        return f"{said}; a call takes {times(seen.versus_limited)} as long as with one thread per worker"
    return f"{said}; one worker alone keeps {interval(seen.cpus_per_worker)} CPUs busy"


def _quota_limited(seen: evidence.QuotaSeen, row: CaseRow) -> str:
    quota = f" of {seen.quota_cpus:g} CPUs" if seen.quota_cpus is not None else ""
    queued = f"; workers queue for a CPU {percent(seen.run_queue)} of their time" if seen.run_queue is not None else ""
    return f"The cgroup's CPU quota{quota} stopped threads for {percent(seen.throttled)} of workers x wall{queued}"


def _smt_limited(seen: evidence.SmtSeen, row: CaseRow) -> str:
    return (
        f"{row.case.workers} workers share {seen.physical_cores} physical cores: even arithmetic in registers reaches "
        f"only {interval(seen.spin)}, and {percent(seen.inflation_machine)} of the core-seconds go into sharing"
    )


def _stolen(seen: evidence.StolenSeen, row: CaseRow) -> str:
    return f"The hypervisor gave {percent(seen.stolen)} of workers x wall to other guests"


def _lock_bound(seen: evidence.LockSeen, row: CaseRow) -> str:
    return f"Workers sleep {percent(seen.blocked)} of their time inside their work: locks, I/O or mere sleep"


def _gil_or_lock(seen: evidence.LockSeen, row: CaseRow) -> str:
    return (
        f"Workers are blocked {percent(seen.blocked)} of their time: the GIL, held {percent(seen.held)} of the time, "
        f"or a lock; which of them cannot be told apart here: {row.gil.waiting_reason}"
    )


def _too_noisy(seen: evidence.NoiseSeen, row: CaseRow) -> str:
    if seen.run_queue is not None:
        return f"Other programs took the CPUs {percent(seen.run_queue)} of the time"
    if seen.relative_efficiency is not None:
        return f"Reaches {_of_machine(seen)}: that says nothing"
    if seen.speedup is not None:
        return f"The speed-up lies anywhere in {interval(seen.speedup)}"
    return "The rounds scatter too much to tell"


_SENTENCES: Mapping[str, Callable[[Any, CaseRow], str]] = {
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
    "gil_or_lock": _gil_or_lock,
    "lock_bound": _lock_bound,
    "too_noisy": _too_noisy,
}
