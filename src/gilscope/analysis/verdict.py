"""What is decided about a result, each thing once: which ways tie for fastest, whether any gains, what stops the rest.

Everything that shows a result shows these decisions and makes none of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gilscope.analysis.columns import grouped
from gilscope.analysis.rows import CaseRow, ControlRow, is_measured, table_order
from gilscope.core.memory import KEEPING
from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

GAIN = 1.1
"""Speed-up from which a way is worth its trouble: the next change of machine or version may take away less."""

GIL_BOUND = 1.25
"""An interval that ends below this, of workers that hold the GIL, is what the GIL leaves: far from the 2 or more that
the workers could give, and above what time-slicing and cache effects add."""

GIVEN = 0.85
"""Share of its workers that the control must certainly reach for the machine to count as having given its CPUs."""

FREE = 0.7
"""Share of p that the control must reach before a function counts as gaining nothing."""

QUIET = 0.005
"""How far from 1 the interval of the A/A control may begin without doubt: half of the last digit shown."""

FAR = 1024.0
"""Speed-up from which a limit is not worth a sentence."""

_GIL_FINDINGS = frozenset({"gil_bound", "gil_held_in_c", "gil_re_enabled"})
_WITH_OWN_GILS = ("interpreters", "processes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """What threads give to implementations, with most workers, and what else gives them more.

    ``bound``: held back by the GIL. The whole interval shows no gain, and either the probe found the GIL or the
    control, on the same CPUs in the same seconds and without the GIL, certainly gained more.
    """

    bound: tuple[CaseRow, ...] = ()
    unexplained: tuple[CaseRow, ...] = ()  # they hold the GIL and do not gain, but nor did the control certainly
    unclear: tuple[CaseRow, ...] = ()  # the interval is too wide
    without_gil: tuple[CaseRow, ...] = ()  # they would hold the GIL, if there were one
    gaining: tuple[CaseRow, ...] = ()  # they release the GIL
    flat: tuple[CaseRow, ...] = ()  # they release the GIL, and do not gain although the control did
    instead: Mapping[str, tuple[CaseRow, ...]]  # by executor with a GIL per worker: what gains where threads do not


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionVerdict:
    """What is decided about one of the user's functions."""

    function: str
    best: tuple[CaseRow, ...]  # the ways that certainly gain and tie for the highest throughput, the highest first
    gains: bool | None  # whether more workers help; None where that is open
    open_because: Literal["", "machine", "noise", "state"]  # no more for the control, wide intervals, unlike calls
    ways: tuple[CaseRow, ...]  # all on several workers, in table order; on more than CPUs only if there are no others
    serial: CaseRow | None
    hand_over_s: float | None  # what handing one task to the pool of the best way costs
    kept: tuple[CaseRow, ...] = ()  # one thread, then several, whose malloc keeps what is freed; if measured
    limited: tuple[CaseRow, ...] = ()  # by executor a way of which it is known how far it scales at most


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelVerdict:
    """What is decided about one kernel."""

    kernel: str
    confidence: float | None  # the lowest among the intervals; None where nothing was measured
    workers: int  # the most that do not exceed the usable CPUs; the cases with so many are compared
    fastest: tuple[CaseRow, ...]  # those that tie for the highest rate, the highest first
    gains: bool | None  # whether any of the compared cases gains; None where that is open
    plain: CaseRow | None = None  # the pure-Python loop on one thread
    threads: Threads | None = None  # None on one worker, and for the user's functions
    short: ControlRow | None = None  # the control, where the machine did not certainly give it its CPUs
    uneven: tuple[ControlRow, ...] = ()  # the A/A controls that differ from 1
    functions: tuple[FunctionVerdict, ...] = ()
    limited: tuple[CaseRow, ...] = ()  # the fastest way, where it is known how far it scales at most

    @property
    def provisional(self) -> bool:
        """Whether there were too few blocks for 95 %."""
        return self.confidence is not None and self.confidence < DEFAULT_CONFIDENCE

    @property
    def best(self) -> CaseRow | None:
        """The way to run the user's functions: the fastest that certainly gains, or else one call at a time."""
        gaining = [found.best[0] for found in self.functions if found.best]
        serial = [found.serial for found in self.functions if found.serial is not None]
        return max(gaining or serial or self.fastest, key=lambda row: standing(row).value, default=None)


def verdicts(
    rows: Sequence[CaseRow], controls: Iterable[ControlRow], study: Mapping[str, Any], environment: Mapping[str, Any]
) -> Iterator[KernelVerdict]:
    """Decide about each kernel that has rows; time linear in their number, but for sorting them."""
    by_kernel = grouped(controls, lambda row: row.of)
    for kernel, found in grouped(rows, lambda row: row.case.kernel).items():
        measured = [row for row in table_order(found) if is_measured(row)]
        beside = sorted(by_kernel.get(kernel, ()), key=lambda row: row.case.workers)
        if not measured:
            yield KernelVerdict(kernel=kernel, confidence=None, workers=0, fastest=(), gains=None)
        elif study.get("functions"):
            yield _functions(kernel, measured, beside, environment.get("hand_over_s", {}))
        else:
            yield _kernel(kernel, measured, beside)


def _confidence(rows: Iterable[CaseRow]) -> float | None:
    return min((found.confidence for row in rows if (found := row.judged or row.rate) is not None), default=None)


def standing(row: CaseRow) -> Estimate:
    """Return how fast a measured row is: its rate over the fastest single thread's, so that drift cancels."""
    found = row.net_vs_fastest_serial or row.vs_fastest_serial or row.rate
    assert found is not None
    return found


def ties(rows: Sequence[CaseRow]) -> tuple[CaseRow, ...]:
    """Return the fastest of measured rows and those whose intervals reach it, the fastest first."""
    if not rows:
        return ()
    top = max(rows, key=lambda row: standing(row).value)
    best = standing(top)
    others = ((row, standing(row)) for row in rows if row is not top)
    rivals = (row for row, own in others if not (own.has_interval and best.has_interval) or own.high >= best.low)
    return (top, *rivals)


def _limited(rows: Iterable[CaseRow]) -> Iterator[CaseRow]:
    """Yield by executor the row with most workers whose limit is one that machines may reach."""
    seen: set[str] = set()
    for row in sorted(rows, key=lambda row: -row.case.workers):
        own = row.case.executor not in seen and not KEEPING[row.case.memory] and not row.case.libraries
        if own and row.limit is not None and row.limit.speedup.low < FAR:
            seen.add(row.case.executor)
            yield row


def _starts_above(row: CaseRow | ControlRow | None, limit: float) -> bool:
    return row is not None and row.judged is not None and row.judged.starts_above(limit)


def _ends_below(row: CaseRow | ControlRow, limit: float) -> bool:
    return row.judged is not None and row.judged.ends_below(limit)


def _gains(ways: Sequence[CaseRow]) -> bool | None:
    """Whether a way gains; None where that is open, or there is none."""
    if any(_starts_above(row, GAIN) for row in ways):
        return True
    return False if ways and all(_ends_below(row, GAIN) for row in ways) else None


# Kernels


def _kernel(kernel: str, rows: Sequence[CaseRow], controls: Sequence[ControlRow]) -> KernelVerdict:
    """Decide about the implementations of a kernel, by the cases with most workers that do not exceed the CPUs."""
    counts = [row.case.workers for row in rows if not row.over_subscribed]
    workers = max(counts, default=min(row.case.workers for row in rows))
    at_p = [row for row in rows if row.case.workers == workers]
    plain = (row for row in rows if row.case.implementation == "py_loop" and row.case.executor == "serial")
    verdict = KernelVerdict(
        kernel=kernel,
        confidence=_confidence(rows),
        workers=workers,
        fastest=ties(at_p),
        gains=_gains([row for row in at_p if row.judged is not None]),
        plain=next(plain, None),
    )
    verdict = replace(verdict, limited=tuple(_limited(verdict.fastest[:1])))
    if workers == 1:
        return verdict
    spin = next((row for row in controls if (row.role, row.case.workers) == ("spin", workers)), None)
    floors = (row for row in controls if row.role == "A/A")
    return replace(
        verdict,
        threads=_threads(at_p, spin),
        short=spin if spin is not None and _falls_short(spin, GIVEN) else None,
        uneven=tuple(row for row in floors if _ends_below(row, 1.0 - QUIET) or _starts_above(row, 1.0 + QUIET)),
    )


def _falls_short(control: ControlRow, share: float) -> bool:
    """Whether a control did not certainly reach a share of its workers; False where it was not measured."""
    return control.judged is not None and not control.judged.starts_above(share * control.case.workers)


def _threads(at_p: Sequence[CaseRow], spin: ControlRow | None) -> Threads:
    """Sort what threads give: blame the GIL only where the whole interval shows no gain, and something proves it."""

    def beaten(row: CaseRow) -> bool:
        return row.judged is not None and _starts_above(spin, row.judged.high)

    rows = [row for row in at_p if row.case.how == "threads" and row.judged is not None]
    under_gil = [row for row in rows if row.holds_gil and row.with_gil]
    releasing = [row for row in rows if not row.holds_gil]
    flat = [row for row in under_gil if _ends_below(row, GIL_BOUND)]
    probed = {row.case for row in rows if not _GIL_FINDINGS.isdisjoint(row.codes)}  # these need no control
    return Threads(
        bound=tuple(row for row in flat if beaten(row) or row.case in probed),
        unexplained=tuple(row for row in flat if not beaten(row) and row.case not in probed),
        unclear=tuple(row for row in under_gil if row not in flat and not _starts_above(row, GIL_BOUND)),
        without_gil=tuple(row for row in rows if row.holds_gil and not row.with_gil),
        gaining=tuple(row for row in releasing if _starts_above(row, GIL_BOUND)),
        flat=tuple(row for row in releasing if _ends_below(row, GIL_BOUND) and beaten(row) and row.case not in probed),
        instead={executor: tuple(_instead(at_p, flat, executor)) for executor in _WITH_OWN_GILS},
    )


def _instead(at_p: Sequence[CaseRow], bound: Sequence[CaseRow], executor: str) -> Iterator[CaseRow]:
    """Yield what certainly gains by an executor whose workers have a GIL each: the first row of each implementation
    that threads do not help, which is that of the default start method and transport."""
    left = {row.case.implementation for row in bound}
    for row in at_p:
        case = row.case
        if case.executor == executor and not case.scaling and case.implementation in left and _starts_above(row, 1.0):
            left.discard(case.implementation)
            yield row


# The user's own functions


def _functions(
    kernel: str, rows: Sequence[CaseRow], controls: Sequence[ControlRow], costs: Mapping[str, float]
) -> KernelVerdict:
    spins = [row for row in controls if row.role == "spin"]
    by_function = grouped(rows, lambda row: row.case.implementation)
    functions = tuple(_function(name, found, spins, costs) for name, found in by_function.items())
    gains = [found.gains for found in functions]
    return KernelVerdict(
        kernel=kernel,
        confidence=_confidence(rows),
        workers=max(row.case.workers for row in rows),
        fastest=ties(rows),
        gains=True if True in gains else None if None in gains else False,
        functions=functions,
    )


def _function(
    name: str, rows: Sequence[CaseRow], spins: Sequence[ControlRow], costs: Mapping[str, float]
) -> FunctionVerdict:
    """Decide which way is best for a function: the highest throughput of those that certainly gain, and its ties.

    A way whose speed-up is too noisy is never the best, nor is one that a single thread which keeps its memory beats.
    """
    kept = [row for row in rows if row.case.memory]
    single = next((row for row in kept if row.case.is_single), None)

    def beaten(row: CaseRow) -> bool:
        return single is not None and not row.case.memory and standing(row).high < standing(single).low

    several = [row for row in rows if row.case.workers > 1 and row.judged is not None]
    ways = [row for row in several if not row.over_subscribed] or several
    alike = [row for row in ways if "not_repeatable" not in row.codes]
    left = [row for row in alike if not beaten(row)]
    best = ties([row for row in left if row.status == "ok" and _starts_above(row, GAIN)])
    gains, counts = _gains(left) if left or not alike else False, {row.case.workers for row in ways}
    because: Literal["", "machine", "noise", "state"] = ""
    if ways and not alike:
        because = "state"
    elif gains is not True and any(spin.case.workers in counts and _falls_short(spin, FREE) for spin in spins):
        gains, because = None, "machine"
    elif gains is None or (gains and not best):
        because = "noise"
    return FunctionVerdict(
        function=name,
        best=best,
        gains=gains,
        open_because=because,
        ways=tuple(ways),
        serial=next((row for row in rows if row.case.executor == "serial" and not row.case.memory), None),
        kept=tuple(kept),
        limited=tuple(_limited(ways)),
        hand_over_s=costs.get(best[0].case.executor) if best else None,
    )
