"""What the GIL probe sampled of a case: its diagnostic rounds combined.

The values of several rounds are averaged with the number of samples as weights. The interval is the wider of two on
each side: that of the rounds' own intervals, as independent errors, and that of the spread from round to round. The
former is that of the long-run mean (batch means), so that one round is enough; older files have that of the samples
alone, which is about their round only, and the confidence of the spread. Values that are not as the probe writes them
count as not available.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gilscope.analysis.blame import Culprit, culprit
from gilscope.core import typed
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord, ResultSet
from gilscope.core.registry import is_engine
from gilscope.stats import Estimate, estimate_or_none
from gilscope.telemetry.blame import Call

_CONFIDENCE = 0.95  # of the probe's own intervals (telemetry.reading)

HELD_THROUGHOUT = 0.9
"""Share of the time from which one worker alone counts as holding the GIL always."""

_LARGEST = 2.0**63  # no count and no time in ns is larger; whole numbers beyond 1e308 would not fit a float

_NO_ROUNDS = "no diagnostic round of this case was measured"
_NO_ROUNDS_CURE = "give it a larger --budget"
_OWN_GILS = {"interpreters": "each interpreter has a GIL of its own"}
_OWN_PROCESSES = "each process has a GIL of its own"
_ENGINE = "the workers are the engine's, and may share a GIL or not"
_SHARED = "workers of this engine share a GIL, which is sampled only of gilscope's own threads"
_HELD_BY_NAME = ("py_loop", "cy_gil", "nb_gil")  # what these names mean, for records without Impl.gil
_MALFORMED = "the diagnostic lines of this case are not as gilscope writes them"


@dataclass(frozen=True, slots=True, kw_only=True)
class GilActivity:
    """What is known about the GIL while a case ran.

    Parameters
    ----------
    reason, cure : str
        Why not, and what to do; empty when available.
    enabled : bool or None
        Whether the interpreter had a GIL; None where the result does not tell.
    switched_on : str
        On a free-threaded build with the GIL: who switched it on.
    shared : bool
        Whether it was not sampled although workers share it: threads of an engine that is not ours.
    held : Estimate or None
        Share of T(p) during which some thread held the GIL.
    waiting : Estimate or None
        Mean number of threads that waited for it; None where that is unknown.
    waiting_reason : str
        Why ``waiting`` is unknown although the GIL was sampled.
    slow_down : Estimate or None
        Diagnostic rounds over the timed rounds of the same blocks: what watching cost.
    overdue : Estimate or None
        Share of held time during which the holder had been asked to let go and did not: C code, not byte code.
    turn_s : float or None
        Mean time held between two hand-overs.
    culprit : Culprit or None
        The line or function with most of the blame; None where there is none, and in files of before.
    """

    available: bool
    reason: str = ""
    cure: str = ""
    enabled: bool | None = None
    switched_on: str = ""
    shared: bool = False
    held: Estimate | None = None
    waiting: Estimate | None = None
    waiting_reason: str = ""
    handovers_per_s: float | None = None
    slow_down: Estimate | None = None
    overdue: Estimate | None = None
    turn_s: float | None = None
    switch_interval_s: float | None = None
    culprit: Culprit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Diagnostic:
    """One diagnostic round as far as it is used."""

    gil: Mapping[str, Any]
    samples: float
    slow_down: float | None

    def number(self, *path: str) -> float | None:
        """Return the number at a path of keys; None where there is none."""
        value: Any = self.gil
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return _number(value)


def recorded(gil: GilActivity, record: CaseRecord) -> GilActivity:
    """Add what the workers reported after all their imports, which is surer than what a probe beside them can tell."""
    if record.placed and is_engine(record.case.executor):
        processes = len({place.get("process") for place in record.placed})
        if processes == record.case.workers:
            gil = replace(gil, reason=_OWN_PROCESSES)
        elif record.gil_enabled:
            gil = replace(gil, shared=True, reason=_SHARED)
    if record.gil_enabled is None:
        return gil
    return replace(gil, enabled=record.gil_enabled, switched_on=gil.switched_on or record.gil_reason)


def holds_gil(record: CaseRecord) -> bool:
    """Whether the implementation computes while it holds the GIL, if there is one."""
    if record.gil is not None:
        return record.gil == "held"
    return record.case.implementation in _HELD_BY_NAME and not record.case.is_own


def unsampled(case: Case, enabled: bool | None) -> GilActivity:
    """Return what is known about a case without diagnostic rounds."""
    if case.interpreter:  # what is known of the running interpreter does not hold for another
        enabled = None
    if is_engine(case.executor):
        return GilActivity(available=False, reason=_ENGINE, enabled=enabled)
    if not case.one_gil:
        return GilActivity(available=False, reason=_OWN_GILS.get(case.executor, _OWN_PROCESSES), enabled=enabled)
    return GilActivity(available=False, reason=_NO_ROUNDS, cure=_NO_ROUNDS_CURE, enabled=enabled)


def gil_by_case(result: ResultSet) -> dict[str, GilActivity]:
    """Combine the diagnostic rounds of each case that has some; time linear in the number of blocks and lines."""
    by_block = {(block.kernel, block.index): block for block in result.blocks}
    rounds: dict[str, list[_Diagnostic]] = {}
    for line in result.diagnostics:
        case, gil = line.get("case"), line.get("gil")
        if not isinstance(case, str) or not isinstance(gil, dict):
            continue
        kernel, index = line.get("kernel"), line.get("block")
        block = by_block.get((kernel, index)) if isinstance(kernel, str) and isinstance(index, int) else None
        timed = block.rounds.get(case) if block is not None else None
        wall_ns, repeats = _number(line.get("wall_ns")), _number(line.get("repeats"))
        slow_down = None
        if timed is not None and wall_ns and repeats:
            slow_down = (wall_ns / repeats) / (timed.wall_ns / timed.repeats)
        samples = _number(gil.get("samples")) or 0.0
        rounds.setdefault(case, []).append(_Diagnostic(gil=gil, samples=samples, slow_down=slow_down))
    return {case: _combined(own) for case, own in rounds.items()}


def _number(value: object) -> float | None:
    """Return a finite number that is not below zero, or None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < _LARGEST else None


def _combined(rounds: Sequence[_Diagnostic]) -> GilActivity:
    last = rounds[-1].gil
    enabled = last.get("enabled") if isinstance(last.get("enabled"), bool) else None
    switched_on = str(last.get("switched_on") or "")
    good = [one for one in rounds if one.gil.get("available") is True and one.samples > 0]
    held = _estimate(good, "held")
    if held is None:
        reason = str(last.get("reason") or "") if last.get("available") is False else ""
        return GilActivity(available=False, reason=reason or _MALFORMED, enabled=enabled, switched_on=switched_on)
    waiting = _estimate(good, "waiting")
    return GilActivity(
        available=True,
        enabled=enabled,
        switched_on=switched_on,
        held=held,
        waiting=waiting,
        waiting_reason="" if waiting is not None else str(last.get("waiting_reason") or _MALFORMED),
        handovers_per_s=_mean(good, "handovers_per_s"),
        slow_down=estimate_or_none([one.slow_down for one in rounds if one.slow_down is not None]),
        overdue=_estimate(good, "holds", "overdue"),
        turn_s=_turn_s(good),
        switch_interval_s=_mean(good, "holds", "switch_interval_s"),
        culprit=culprit(_calls(good)),
    )


def _calls(rounds: Sequence[_Diagnostic]) -> Iterator[Call]:
    """Yield the calls of all rounds, their blame weighted by the samples behind it; those that fit the type."""
    for one in rounds:
        stored = one.gil.get("calls")
        for entry in stored if isinstance(stored, list) else ():
            try:
                call = typed.read(Call, entry)
            except ValueError:
                continue
            blame = _number(call.blame)
            if blame is not None:
                yield replace(call, blame=one.samples * blame)


def _mean(rounds: Sequence[_Diagnostic], *path: str) -> float | None:
    """Average the known values, weighted by the samples behind them."""
    known = [(one.samples, value) for one in rounds if (value := one.number(*path)) is not None]
    weight = math.fsum(samples for samples, _ in known)
    return math.fsum(samples * value for samples, value in known) / weight if weight else None


def _turn_s(rounds: Sequence[_Diagnostic]) -> float | None:
    """Return held time over hand-overs, all rounds together."""
    held_s = handovers = 0.0
    for one in rounds:
        window_s, switches, held = one.number("window_s"), one.number("handovers"), one.number("held", "value")
        if window_s is not None and switches is not None and held is not None:
            held_s += held * window_s
            handovers += switches
    return held_s / handovers if handovers else None


def _row(one: _Diagnostic, *path: str) -> tuple[float, float, float, float, bool] | None:
    """Return samples, value, low, high, and whether they say what other rounds may show; None where malformed."""
    *outer, name = path
    for entry in (f"{name}_long_run", name):
        value, low, high = (one.number(*outer, entry, part) for part in ("value", "low", "high"))
        if value is not None and low is not None and high is not None and low <= value <= high:
            return one.samples, value, low, high, entry != name
    return None


def _estimate(rounds: Sequence[_Diagnostic], *path: str) -> Estimate | None:
    """Combine an estimate of several rounds, as the module's docstring describes."""
    rows = [row for one in rounds if (row := _row(one, *path)) is not None]
    weight = math.fsum(row[0] for row in rows)
    spread = estimate_or_none([row[1] for row in rows])
    if spread is None or not weight:
        return None
    value = math.fsum(samples * value for samples, value, *_ in rows) / weight
    below = math.sqrt(math.fsum((samples * (value - low)) ** 2 for samples, value, low, *_ in rows)) / weight
    above = math.sqrt(math.fsum((samples * (high - value)) ** 2 for samples, value, _, high, _ in rows)) / weight
    low, high = min(value - below, spread.low), max(value + above, spread.high)
    confidence = _CONFIDENCE if all(row[4] for row in rows) else min(_CONFIDENCE, spread.confidence)
    return Estimate(value=value, low=max(0.0, low), high=high, confidence=confidence, n=len(rows))
