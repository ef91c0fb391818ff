"""How often a kernel is repeated in a round, so that the round of T(1) lasts long enough to be trusted."""

from __future__ import annotations

import math

from gilscope.core.cases import Case, Slot
from gilscope.measure.host import Lead, SupervisedHost

ROUND_S = 0.1
"""Shortest round of T(1). As timed, short rounds scatter: on a 2-core virtual machine those of two spinning C threads
of 40 ms with a standard deviation of 0.31 around a speed-up of 1.6 to 1.9, of 200 ms with 0.10 around 1.88. Net, 100 ms
read as 200 ms do: 1.989 and 1.992, standard deviation 0.001 (mandelbrot/cy_nogil, two threads, four runs each)."""

_MARGIN = 1.05  # rounds scatter: aim a little above, so that few are shorter
_MAX_REPEATS = 1 << 30  # no kernel takes less than 0.2 ns
_LEAD_SHARE = 16  # a lead-in is about 1/16 of a round: 12 ms wake a CPU and refill its caches
_TIMEOUT_FLOOR_S, _TIMEOUT_FACTOR = 60.0, 50.0  # worst in practice: 8 spinning threads on 2 CPUs took 9 x T(1)


def lead_of(case: Case, repeats: int) -> Lead:
    """Return the lead-in for rounds of so many repeats.

    A kernel with few repeats is led in by some chunks of one repeat, which touch the same code and memory; own threads
    cannot be split and are led in by at least one repeat.
    """
    if repeats >= _LEAD_SHARE or case.executor == "native":
        return Lead(repeats=max(1, repeats // _LEAD_SHARE))
    return Lead(repeats=1, limit=max(1, repeats * case.chunks_per_worker // _LEAD_SHARE))


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
