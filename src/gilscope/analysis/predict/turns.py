"""How one worker alone takes turns, from its diagnostic rounds: every hold of the GIL and every stretch without it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gilscope.analysis.predict.network import CONSTANT
from gilscope.core.records import ResultSet
from gilscope.core.typed import read

TRUSTED = 0.08
"""By how much the traced share of holds may be off. The trace itself is better, but on a CPU that sleeps in between the
same code may take a tenth more or less than on one that never does: seen on a virtual machine, in both directions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRound:
    """What ``telemetry.turns`` found in one round; see there."""

    holds: float = 0.0
    window_s: float = 0.0
    held_s: float = 0.0
    hold_shape: tuple[float, ...] = CONSTANT
    free_shape: tuple[float, ...] = CONSTANT
    busy: float = 0.0  # CPU time of the worker over the length of the round; 0: not known

    @property
    def sound(self) -> bool:
        """Whether it can be what was written: shares below 1, shapes of positive lengths."""
        lengths = (*self.hold_shape, *self.free_shape)
        return self.holds > 0 and 0 < self.held_s <= self.window_s < math.inf and all(0 <= one < 1e6 for one in lengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The traced rounds of one worker together.

    Parameters
    ----------
    low, share, high : float
        Share of its time under the GIL: least, mean and most of the rounds.
    busy : float
        CPU time of the worker over the length of the rounds; 0: not known.
    cycle_s : float
        Mean time from one hold to the next.
    hold_shape, free_shape : tuple of float
        Equally likely lengths, relative to their mean, of the round with most holds.
    """

    low: float
    share: float
    high: float
    cycle_s: float
    hold_shape: tuple[float, ...]
    free_shape: tuple[float, ...]
    busy: float = 0.0

    def untraced(self, busy: float) -> Turns:
        """Return the same for rounds that are not traced, in which the worker is busy for a share of the time.

        The tracing thread may share a core with the worker. Then holds take longer, for they compute, and sleep does
        not: as much as the CPU time per second grows. Where that shrinks, idle CPUs woke up faster; holds stay.
        """
        if busy <= 0.0 or self.busy <= 0.0:
            return self
        factor = min(1.0, busy / self.busy)
        low, share, high = (factor * each for each in (self.low, self.share, self.high))
        return replace(self, low=low, share=share, high=high, busy=busy)


def turns_by_case(result: ResultSet) -> dict[str, Turns]:
    """Return the traced turns of each case that has some; time linear in the number of diagnostic lines."""
    found: dict[str, list[TracedRound]] = {}
    for line in result.diagnostics:
        gil = line.get("gil")
        turns: Any = gil.get("turns") if isinstance(gil, Mapping) else None
        if isinstance(turns, Mapping) and isinstance(line.get("case"), str):
            traced = read(TracedRound, turns)
            if traced.sound:
                found.setdefault(str(line["case"]), []).append(traced)
    return {case: _together(rounds) for case, rounds in found.items()}


def _together(rounds: Sequence[TracedRound]) -> Turns:
    shares = [one.held_s / one.window_s for one in rounds]
    window_s, holds = math.fsum(one.window_s for one in rounds), math.fsum(one.holds for one in rounds)
    most = max(rounds, key=lambda one: one.holds)
    return Turns(
        low=min(shares) * (1.0 - TRUSTED),
        share=math.fsum(one.held_s for one in rounds) / window_s,
        high=min(1.0, max(shares) * (1.0 + TRUSTED)),
        cycle_s=window_s / holds,
        hold_shape=most.hold_shape,
        free_shape=most.free_shape,
        busy=math.fsum(one.busy for one in rounds) / len(rounds) if all(one.busy > 0 for one in rounds) else 0.0,
    )
