"""How often a kernel is repeated in a round, so that the round of T(1) lasts long enough to be trusted."""

from __future__ import annotations

import math

from gilscope.core.cases import Case, Slot
from gilscope.core.records import Round
from gilscope.measure.host import Lead, SupervisedHost

ROUND_S = 0.016
"""Shortest round of T(1). What slows CPUs without being seen lasts for milliseconds to seconds, so that short rounds
which follow each other meet the same of it (``pacing``), and more blocks fit into a budget."""

_LEAST_CALLS, _FEW_CALLS, _BUSY = 24, 8, 0.95
_LONG_S, _LONG_THREADS_S, _OF_BUDGET = 0.1, 0.25, 1 / 50
"""Calls of a user's function by each of several workers in a round, unless one worker would take longer than so many
seconds for those of all. Calls differ: a collection of garbage may take as long as many of them. And threads that share
a GIL or a lock all want it in the beginning, and the last one ends alone: they get more, but no more than that share of
the budget, for an interval of few blocks is hardly narrower than their range. Workers that keep so much of their CPUs
busy as one alone does have little of either, and what slows CPUs for a moment is seen better around short rounds: fewer
calls will do. So they do, of all workers together, where libraries have threads of their own, which cost as much time
as all the rest."""

COMPUTES = 0.5
"""CPUs that T(1) keeps busy: code that sleeps more says little about them."""

_MARGIN = 1.05  # rounds scatter: aim a little above, so that few are shorter
_MAX_REPEATS = 1 << 30  # no kernel takes less than 0.2 ns
_LEAD_SHARE = 8  # a lead-in is about 1/8 of a round: some ms wake a CPU and refill its caches
_LONG_LEAD_S = 0.008  # of a user's function: without it, waking a CPU takes a hundredth of as short a round
_TIMEOUT_FLOOR_S, _TIMEOUT_FACTOR = 60.0, 50.0  # worst in practice: 8 spinning threads on 2 CPUs took 9 x T(1)


def lead_of(case: Case, repeats: int, execution_s: float = 0.0) -> Lead:
    """Return the lead-in for rounds of so many repeats, each of which takes ``execution_s`` on one worker.

    A kernel with few repeats is led in by some chunks of one repeat, which touch the same code and memory; own threads
    cannot be split and are led in by at least one repeat. Where the shortest lead-in of a user's function, one chunk of
    calls, is long there is none, for T(1) as little as for its cases: it would be up to half of the round.
    """
    shortest_s = execution_s if case.executor == "native" else execution_s / case.chunks
    if case.is_own and not case.by_tasks and shortest_s > _LONG_LEAD_S:
        return Lead(repeats=0)
    if repeats >= _LEAD_SHARE or case.executor == "native":
        return Lead(repeats=max(1, repeats // _LEAD_SHARE))
    return Lead(repeats=1, limit=max(1, repeats * case.chunks_per_worker // _LEAD_SHARE))


def longer(case: Case, repeats: int, single_s: float, budget_s: float, *, busy: bool = False) -> int:
    """Return how many times the repeats of T(1), which take ``single_s``, a case is repeated in a round.

    ``busy``: its workers are known to keep their CPUs as busy as one alone does.
    """
    if not case.is_own or not case.size.isdigit():
        return 1
    calls = _FEW_CALLS if busy or case.libraries else _LEAST_CALLS
    wanted = calls * (1 if case.libraries else case.workers) / max(1, int(case.size)) / repeats
    shares = case.executor == "threads" and case.libraries != "all"
    most_s = min(_LONG_THREADS_S, max(_LONG_S, budget_s * _OF_BUDGET)) if shares else _LONG_S
    return max(1, min(math.ceil(wanted), math.floor(most_s / single_s)))


def is_busy(measured: Round, single: Round) -> bool:
    """Whether the workers of a round kept their CPUs as busy as one alone does in a round of T(1), which computes."""
    alone = single.running_ns / max(1, single.wall_ns)
    return alone >= COMPUTES and measured.running_ns / max(1, len(measured.stamps) * measured.wall_ns) >= _BUSY * alone


def timeout_of(round_s: float) -> float:
    """Return how long a round may take before it counts as hung, given its expected seconds on one worker."""
    return _TIMEOUT_FLOOR_S + _TIMEOUT_FACTOR * round_s


def calibrate(host: SupervisedHost, slot: Slot, first_s: float, *, round_s: float = ROUND_S) -> tuple[int, float]:
    """Find the repeats of a T(1) case whose rounds last ``round_s``; return them and the seconds per round.

    ``first_s`` is what one execution took when it was verified: cold, so rather too long. Raises MeasurementError if
    the case fails.
    """
    repeats = max(1, math.floor(round_s / max(first_s, 1e-9)))
    while True:
        repeats = min(repeats, _MAX_REPEATS)
        wall_s = host.run_round(slot, repeats, Lead(repeats=0), timeout_of(repeats * first_s)).wall_ns / 1e9
        each_s = max(wall_s, 1e-9) / repeats
        wanted = max(1, math.ceil(_MARGIN * round_s / each_s)) if each_s < round_s else 1
        # A short round scatters too much to extrapolate from: continue until one lasts at least half as long.
        if wall_s >= round_s / 2 or repeats >= _MAX_REPEATS:
            return min(wanted, _MAX_REPEATS), min(wanted, _MAX_REPEATS) * each_s
        repeats = max(repeats + 1, min(wanted, repeats * 100))
