"""What one worker needs of what all share, from what was measured of one and of few.

========= ==============================================================================================================
station   its demand, as a share of one worker's time
========= ==============================================================================================================
gil       the share of T(1) under the GIL: traced hold by hold where there is a CPU to spare for that, else sampled
parent    seconds that handing one task to a pool takes, of as many workers as it can feed, over those of a call: of the
          user's functions by processes
lock      from the factor ``locks``: of two or more workers that wait for each other as long as was measured
memory    the same from the factor ``memory``: copies that share nothing but the memory wait for that
========= ==============================================================================================================

Where the losses came from contention of caches or allocators, nested threads, or calls that are not alike, there is no
law to go by, and no prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gilscope.analysis.columns import averaged
from gilscope.analysis.factors import Factors
from gilscope.analysis.findings import CaseView
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.losses import Account
from gilscope.analysis.predict.bounds import exponential_visits
from gilscope.analysis.predict.gil import Priced, prices_at
from gilscope.analysis.predict.model import Demand, Demands
from gilscope.analysis.predict.network import EXPONENTIAL, FREE, Price
from gilscope.analysis.predict.turns import Turns
from gilscope.core.cases import Case
from gilscope.results.surroundings import Surroundings
from gilscope.stats import Estimate

LAWLESS: Mapping[str, str] = {
    "contention": "workers slow each other down (contention), and no law says how that goes on",
    "inflation": "CPU time grows with the workers (inflation), and no law says how that goes on",
    "superlinear": "one worker is slower than each of several (superlinear): there is nothing to scale from",
    "page_faults": "one worker and several spend different times in page faults (page_faults)",
    "nested_parallelism": "the libraries' own threads multiply with the workers (nested_parallelism)",
    "not_repeatable": "calls are not the same work (not_repeatable)",
    "too_short": "a call is shorter than what running it costs (too_short)",
}
"""Findings with which nothing is predicted, and why."""

UNPRICED = Price((1.0,), (50e-6,))
"""The most that a hand-off cost where it was measured: assumed where it was not."""

_BY_MESSAGES = ("processes", "interpreters")  # executors whose parent does something for every task
_RUNS = 9  # of hand-overs; of those all but the least and the most enclose the median with
_ALL_BUT_TWO = 1.0 - 2.0 * (1.0 + _RUNS) / 2.0**_RUNS
_VISIBLE = 0.97  # a factor that certainly ends below it is a station's doing
_EVEN = math.sqrt(2.0)  # constant visits make two workers wait half as long as exponential ones: share by share, this


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What is known of one worker.

    Parameters
    ----------
    gil : GilActivity or None
        Of T(1).
    turns : Turns or None
        Of T(1), traced.
    blocked : float
        Share of T(1) in which it neither ran nor was runnable.
    call_s : float or None
        Seconds of one call of the user's function.
    hand_over : tuple of float or None
        Low and high seconds of handing one task to a pool of the case's executor, and by how much each worker more
        raises them.
    prices : sequence of Priced
        Of hand-offs of the GIL.
    """

    gil: GilActivity | None = None
    turns: Turns | None = None
    blocked: float = 0.0
    call_s: float | None = None
    hand_over: tuple[float, float, float] | None = None
    prices: Sequence[Priced] = ()


def alone_of(
    case: Case, gil: GilActivity | None, turns: Turns | None, here: Surroundings, own: Account | None
) -> Alone:
    """Collect what is known of one worker of a case: ``gil`` and ``turns`` of its T(1), ``own`` its account."""
    blocked = averaged(own.single_blocked) if own is not None else None
    function = here.functions.get(case.implementation) if case.is_own else None
    least, most = here.hand_over_s.get(case.executor), here.hand_over_most_s.get(case.executor)
    more = max(0.0, here.hand_over_more_s.get(case.executor, 0.0))
    by_messages = case.executor in _BY_MESSAGES and least is not None and least > 0
    return Alone(
        gil=gil,
        turns=turns.untraced(1.0 - blocked.value) if turns is not None and blocked is not None else turns,
        blocked=max(0.0, blocked.value) if blocked is not None else 0.0,
        call_s=function.call_s if function is not None and (function.call_s or 0.0) > 0 else None,
        hand_over=(least, max(least, most or least), more) if by_messages and least is not None else None,
        prices=here.hand_off,
    )


def demands_of(view: CaseView, codes: Sequence[str], factors: Factors | None, alone: Alone) -> Demands | str:
    """Return the demands of a case's workers, or why nothing can be predicted."""
    why = next((LAWLESS[code] for code in codes if code in LAWLESS), "")
    if why or view.case.executor == "native":
        return why or "of threads of a native runtime only all together are measured"
    stations = [*_gil(view, alone), *_parent(alone), *(() if view.gil.shared else _waited(view.case, factors))]
    if not stations:
        return _nothing(view)
    first = stations[0]
    computing = 1.0 - min(1.0, alone.blocked / (1.0 - first.share.value)) if first.share.value < 1.0 else 1.0
    if first.station != "gil" or alone.turns is None:
        return Demands(stations=tuple(stations), cycle_s=_cycle_s(first, alone), computing=computing)
    return Demands(
        stations=tuple(stations),
        cycle_s=alone.turns.cycle_s,
        own_shape=alone.turns.free_shape,
        computing=computing,
    )


def _nothing(view: CaseView) -> str:
    if (view.case.executor == "threads" or view.gil.shared) and view.gil.enabled is not False:
        return view.gil.reason or "how long one worker holds the GIL was not measured"
    return (
        "nothing that limits it was found; what limits more workers (caches, memory, NUMA, clocks) does not show here"
    )


def _gil(view: CaseView, alone: Alone) -> list[Demand]:
    """Return the demand under the GIL; none where workers have one each, or none."""
    case, gil, turns = view.case, alone.gil, alone.turns
    if case.executor != "threads" or view.gil.enabled is False or gil is None or gil.held is None:
        return []
    if turns is None:
        return [Demand(station="gil", share=gil.held, prices=(FREE, FREE, FREE))]
    share = Estimate(value=turns.share, low=turns.low, high=turns.high, confidence=gil.held.confidence, n=gil.held.n)
    hold_s = turns.share * turns.cycle_s
    prices = prices_at(alone.prices, hold_s) if alone.prices else (FREE, UNPRICED, UNPRICED)
    return [Demand(station="gil", share=share, shape=turns.hold_shape, prices=prices)]


def _parent(alone: Alone) -> list[Demand]:
    if alone.hand_over is None or not alone.call_s:
        return []
    least, most, more = alone.hand_over
    low, high = (1.0 / fed(each, more, alone.call_s) for each in (least, most))
    share = Estimate(value=(low + high) / 2.0, low=low, high=high, confidence=_ALL_BUT_TWO, n=_RUNS)
    return [Demand(station="parent", share=share)]


def fed(hand_over_s: float, more_s: float, call_s: float) -> float:
    """Return how many workers one parent can feed: N = 1 + call / (hand_over + more (N - 2)), the positive root.

    ``hand_over_s`` is that of a pool of two; each worker beyond raises it by ``more_s``. Not below 1.
    """
    slope, rest_s = hand_over_s - 3.0 * more_s, call_s + hand_over_s - 2.0 * more_s
    root = math.sqrt(max(0.0, slope * slope + 4.0 * more_s * rest_s))
    found = 2.0 * rest_s / (slope + root) if slope > 0.0 else (root - slope) / (2.0 * more_s)  # neither cancels
    return max(1.0, found)


def _cycle_s(first: Demand, alone: Alone) -> float:
    return alone.call_s / (1.0 - first.share.value) if first.station == "parent" and alone.call_s else 1.0


def _waited(case: Case, factors: Factors | None) -> list[Demand]:
    """Return the demands that show only in how long workers waited for each other.

    At most 1 / S of the least S, for a station is in use all the time at most; at least what explains the wait if
    visits are exponential, the most that workers can wait. The memory serves all at once, and is waited for where it is
    full.
    """
    made = []
    for station, name in (("lock", "locks"), ("memory", "memory")):
        found = factors.known.get(name) if factors is not None else None
        if found is None or not found.ends_below(_VISIBLE):
            continue
        p = case.workers
        least, most = share_from(p * found.high, p), min(1.0, 1.0 / (p * found.value))
        likely = most if station == "memory" else min(most, (1.0 + _EVEN) / 2.0 * share_from(p * found.value, p))
        high = max(likely, min(1.0, 1.0 / (p * found.low)) if found.low > 0 else 1.0)
        share = Estimate(value=likely, low=min(least, likely), high=high, confidence=found.confidence, n=found.n)
        made.append(Demand(station=station, share=share, shape=EXPONENTIAL))
    return made


def share_from(speedup: float, workers: int) -> float:
    """Return the share h of one station with exponential visits at which so many workers reach a speed-up.

    The inverse of ``exponential_visits`` by bisection, to 1e-6; 0 where they do not wait, 1 where one does all.
    """
    low, high = 0.0, 1.0
    while high - low > 1e-6:
        middle = (low + high) / 2.0
        low, high = (middle, high) if exponential_visits(workers, middle) > speedup else (low, middle)
    return high if speedup < workers else 0.0
