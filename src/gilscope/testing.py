"""Gates for test suites: does a function scale, does it release the GIL? Decided by intervals, or not at all.

Knows nothing of pytest; ``pytest_plugin.py`` turns what is raised here into failures and skips.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gilscope.analysis import analyse
from gilscope.analysis.columns import columns_by_kernel, estimated, ratio
from gilscope.analysis.unqueued import GIVEN, unqueued_speedup
from gilscope.api import Way, estimate_of
from gilscope.errors import MeasurementError, UsageError
from gilscope.measure.callables import request_of
from gilscope.measure.functions import Options, measure
from gilscope.records import ResultSet
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME
from gilscope.spec import Case
from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE
from gilscope.telemetry.gil import GilMonitor

__all__ = ["DEFAULT_BUDGET_S", "GilGate", "ScalingResult", "Undecided", "judge"]

Verdict: TypeAlias = Literal["passed", "failed", "open"]
Measure: TypeAlias = Literal["speedup", "efficiency", "relative_efficiency"]

DEFAULT_BUDGET_S = 40.0
"""Up to about 90 blocks of one function on 2 CPUs. On a quiet machine the first look, after eight, mostly decides."""

ROUND_S = 0.05
"""Shortest round of T(1) in a gate. What it tells apart lies a factor of p apart, so many short rounds are worth more
than a few long ones: other programs come and go between them."""

ONE_AT_A_TIME = 1.05
"""Speed-up of a function whose calls run one at a time, with room for time-slicing. A threshold that such a function
would reach on this machine cannot tell the two apart."""

_GIL_LOOKS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # lengths of the window after which the held share is judged


class Undecided(MeasurementError):  # noqa: N818 - an outcome, not an error of anybody
    """The machine cannot tell whether the threshold is met; the message has the numbers."""


def judge(name: Measure, threshold: float, found: Estimate, spin: Estimate | None, workers: int) -> Verdict:
    """Compare an estimate with its threshold, as far as the machine allows.

    Parameters
    ----------
    found : Estimate
        Of the quantity ``name``.
    spin : Estimate or None
        Speed-up of the control: what the machine gave in the same seconds.

    Notes
    -----
    What passes must be out of reach for a function that runs one call at a time; what fails must be within the reach
    of the machine.
    """
    if found.confidence < DEFAULT_CONFIDENCE or spin is None or spin.confidence < DEFAULT_CONFIDENCE:
        return "open"
    wanted = threshold * {"speedup": 1.0, "efficiency": workers, "relative_efficiency": spin.low}[name]
    if found.low >= threshold:
        return "passed" if wanted > ONE_AT_A_TIME or workers == 1 else "open"
    if found.high >= threshold:
        return "open"
    if name == "relative_efficiency":
        return "failed" if wanted > ONE_AT_A_TIME else "open"
    return "failed" if spin.low >= wanted else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a threshold is compared with.

    Parameters
    ----------
    found, spin : Estimate or None
        The quantity, and the speed-up of the control.
    unqueued : bool
        Whether both are without the time that workers queued for a CPU.
    """

    found: Estimate | None
    spin: Estimate | None
    unqueued: bool = False


@dataclass(slots=True, kw_only=True)
class ScalingResult:
    """A function under one executor: measured when something is asked of it, for as long as it takes to tell.

    Parameters
    ----------
    budget_s : float
        Seconds of timed rounds at most.
    report : callable (mapping) -> None
        Receives each decision.
    """

    func: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    executor: str = "threads"
    workers: int = 2
    budget_s: float = DEFAULT_BUDGET_S
    report: Callable[[dict[str, Any]], None] = field(default=lambda decision: None)
    _document: dict[str, Any] | None = None
    _result: ResultSet | None = None

    def require(
        self,
        *,
        speedup: float | None = None,
        efficiency: float | None = None,
        relative_efficiency: float | None = None,
    ) -> None:
        """Demand a lower bound of one quantity.

        Parameters
        ----------
        speedup : float, optional
            Over one call after the other.
        efficiency : float, optional
            Speed-up over the number of workers.
        relative_efficiency : float, optional
            Speed-up over that of the control: what the machine gave in the same seconds. Best on machines not your own.

        Raises
        ------
        AssertionError
            If the whole interval misses the threshold, or the function cannot run that way.
        Undecided
            If the machine cannot tell within the budget.
        """
        asked: dict[Measure, float | None] = {
            "speedup": speedup,
            "efficiency": efficiency,
            "relative_efficiency": relative_efficiency,
        }
        wanted = [(name, value) for name, value in asked.items() if value is not None]
        if len(wanted) != 1:
            raise UsageError("require one of speedup, efficiency and relative_efficiency, e.g. require(speedup=1.5)")
        name, threshold = wanted[0]
        if not (math.isfinite(threshold) and threshold > 0):
            raise UsageError(f"{name}={threshold!r} must be above zero")
        self._run(lambda: self._judged(name, threshold) != "open")
        verdict = self._judged(name, threshold)
        told = self._told(name, threshold)
        self.report({"gate": "scaling", "outcome": verdict, "message": told, **self._facts(name, threshold)})
        if verdict == "failed":
            raise AssertionError(told)
        if verdict == "open":
            raise Undecided(told)

    @property
    def way(self) -> Way:
        """Everything about the case: speed-up, efficiency, findings."""
        self._run(None)
        return Way.of(self._row)

    @property
    def speedup(self) -> Estimate | None:
        """Over one call after the other."""
        return self.way.speedup

    @property
    def relative_efficiency(self) -> Estimate | None:
        """Speed-up over that of the control."""
        return self.way.relative_efficiency

    @property
    def result(self) -> ResultSet:
        """All rounds."""
        self._run(None)
        assert self._result is not None
        return self._result

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis document (docs/schema.md)."""
        self._run(None)
        assert self._document is not None
        return self._document

    def _run(self, enough: Callable[[], bool] | None) -> None:
        """Measure, unless that was done already."""
        if self._document is not None:
            return
        request = request_of(self.func, self.args, self.kwargs)
        options = Options(
            executors=(self.executor,),
            workers=(self.workers,),
            budget_s=self.budget_s,
            round_s=ROUND_S,
            controls=("spin", "A/A"),
        )
        with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
            path = Path(folder, RESULT_NAME)
            asked = None if enough is None else (lambda: self._take(path) and enough())
            if not measure(request, options, path, enough=asked):
                raise KeyboardInterrupt
            self._take(path)

    def _take(self, path: Path) -> bool:
        """Take over what was measured so far."""
        self._result = load(path)
        self._document = analyse(self._result)
        return True

    def _judged(self, name: Measure, threshold: float) -> Verdict:
        if self._row["status"] not in ("ok", "too_noisy"):
            return "failed"
        seen = self._seen(name)
        return "open" if seen.found is None else judge(name, threshold, seen.found, seen.spin, self.workers)

    @property
    def _row(self) -> Mapping[str, Any]:
        assert self._document is not None
        return _row(self._document, self.executor, self.workers)

    def _seen(self, name: Measure) -> _Seen:
        """Return what a threshold is compared with.

        Where the machine did not give the control its CPUs, both are taken without queueing for one: which of the two
        it is depends on the control alone, never on the function.
        """
        assert self._document is not None
        row, spin = self._row, _spin(self._document, self.workers)
        as_timed = _Seen(found=estimate_of(row[name]), spin=None if spin is None else estimate_of(spin["speedup"]))
        given = as_timed.spin is not None and as_timed.spin.low >= GIVEN * self.workers
        if name != "relative_efficiency" or given or spin is None or not row["blocks"]:
            return as_timed
        return self._unqueued(Case.parse(row["case"]), Case.parse(spin["case"])) or as_timed

    def _unqueued(self, case: Case, spin: Case) -> _Seen | None:
        """Return function and control without queueing; None where this system does not tell."""
        assert self._result is not None
        columns = columns_by_kernel(self._result)[case.kernel]
        given = unqueued_speedup(columns, spin, "spin")
        facts = self._result.environment["functions"][case.implementation]
        held = (facts["held"] or 0.0) if case.executor == "threads" else 0.0
        found = estimated(ratio(unqueued_speedup(columns, case, held=held), given))
        return None if found is None else _Seen(found=found, spin=estimated(given), unqueued=True)

    def _told(self, name: Measure, threshold: float) -> str:
        """Say what was found, in one line."""
        row = self._row
        what = f"{row['case'].partition('@')[0]} in {self.workers} {self.executor}"
        if row["status"] not in ("ok", "too_noisy"):
            return f"{what}: {row['status'].replace('_', ' ')}: {row['reason']}"
        causes = [code for code in row["findings"] if code not in ("scales", "too_noisy")]
        why = f" ({', '.join(causes)})" if causes else ""
        seen = self._seen(name)
        busy = ", both without queueing for busy CPUs" if seen.unqueued else ""
        return (
            f"{what}: {name.replace('_', ' ')} {_shown(seen.found)}, wanted {threshold:g}{why}; "
            f"speed-up {_shown(estimate_of(row['speedup']))}, the control {_shown(seen.spin)}{busy}, "
            f"{row['blocks']} blocks"
        )

    def _facts(self, name: Measure, threshold: float) -> dict[str, Any]:
        assert self._document is not None
        row = self._row
        controls = [entry["speedup"] for entry in self._document["controls"] if entry["kernel"] == "A/A"]
        seen = self._seen(name)
        names = ("case", "executor", "workers", "blocks", "speedup", "efficiency", "relative_efficiency", "findings")
        return {
            **{key: row[key] for key in names},
            "quantity": name,
            "threshold": threshold,
            "found": _values(seen.found),
            "control": _values(seen.spin),
            "without_queueing": seen.unqueued,
            "noise_floor": controls[0] if controls else None,
        }


def _row(document: Mapping[str, Any], executor: str, workers: int) -> Mapping[str, Any]:
    """Return the row of the case; where it never came to that, of the one that says why."""
    rows: list[Mapping[str, Any]] = document["cases"]
    exact = [row for row in rows if (row["executor"], row["workers"]) == (executor, workers)]
    return (exact or rows)[0]


def _spin(document: Mapping[str, Any], workers: int) -> Mapping[str, Any] | None:
    """Return the row of the control with as many workers, where it was measured."""
    found = (row for row in document["controls"] if (row["kernel"], row["workers"]) == ("spin", workers))
    return next((row for row in found if row["blocks"]), None)


def _values(estimate: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate as the analysis document writes it."""
    if estimate is None:
        return None
    values = {name: getattr(estimate, name) for name in ("value", "low", "high", "confidence")}
    return {**values, "blocks": estimate.n}


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


@dataclass(slots=True, kw_only=True)
class GilGate:
    """Demands on how much of its time a function holds the GIL. Works on one core.

    Parameters
    ----------
    report : callable (mapping) -> None
        Receives each decision.
    """

    report: Callable[[dict[str, Any]], None] = field(default=lambda decision: None)

    def assert_released(self, func: Callable[..., Any], *args: Any, at_least: float = 0.9, **kwargs: Any) -> None:
        """Demand that the GIL is free for a share of the time the function runs.

        Raises
        ------
        AssertionError, Undecided
        """
        self._demand(func, args, kwargs, 1.0 - _share(at_least), f"wanted released {at_least:.0%} of the time or more")

    def assert_held_below(self, func: Callable[..., Any], *args: Any, share: float = 0.5, **kwargs: Any) -> None:
        """Demand that the GIL is held for less than a share of the time the function runs.

        Raises
        ------
        AssertionError, Undecided
        """
        self._demand(func, args, kwargs, _share(share), f"wanted held less than {share:.0%} of the time")

    def _demand(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], limit: float, wanted: str
    ) -> None:
        held, reason = _held(func, args, kwargs, limit)
        name = getattr(func, "__qualname__", repr(func))
        if held is None:
            told, verdict = f"{name}: the GIL cannot be watched here: {reason}", "open"
        else:
            told = f"{name}: the GIL is held {_shown(held)} of the time, {wanted}"
            verdict = "passed" if held.high <= limit else "failed" if held.low > limit else "open"
        if held is None and reason.startswith("no GIL"):
            told, verdict = f"{name}: {reason}", "passed"
        facts = {"function": name, "limit": limit, "held": _values(held)}
        self.report({"gate": "gil", "outcome": verdict, "message": told, **facts})
        if verdict == "failed":
            raise AssertionError(told)
        if verdict == "open":
            raise Undecided(told)


def _share(value: float) -> float:
    if not 0.0 < value < 1.0:
        raise UsageError(f"share {value!r} must lie between 0 and 1: write it like 0.9")
    return value


def _held(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], limit: float
) -> tuple[Estimate | None, str]:
    """Call a function under the GIL probe until its share is on one side of the limit; (None, why) without a probe."""
    func(*args, **kwargs)  # imports, compiles, fills caches
    with GilMonitor() as monitor:
        if not monitor.available:
            return None, monitor.reason
        begin = time.monotonic()
        for until_s in _GIL_LOOKS_S:
            while time.monotonic() - begin < until_s:
                func(*args, **kwargs)
            held = monitor.held
            if held.high <= limit or held.low > limit:
                break
    return held, ""
