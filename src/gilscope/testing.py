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
from gilscope.api import Way, estimate_of
from gilscope.errors import MeasurementError, UsageError
from gilscope.measure.callables import request_of
from gilscope.measure.functions import Options, measure
from gilscope.records import ResultSet
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME
from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE
from gilscope.telemetry.gil import GilMonitor

__all__ = ["DEFAULT_BUDGET_S", "GilGate", "ScalingResult", "Undecided", "judge"]

Verdict: TypeAlias = Literal["passed", "failed", "open"]
Measure: TypeAlias = Literal["speedup", "efficiency", "relative_efficiency"]

DEFAULT_BUDGET_S = 40.0
"""About 27 blocks of one function on 2 CPUs: half-widths of 2 to 4 % on a quiet machine."""

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
        self._run(lambda document: self._judged(document, name, threshold) != "open")
        assert self._document is not None
        verdict = self._judged(self._document, name, threshold)
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
        assert self._document is not None
        return Way.of(_row(self._document, self.executor, self.workers))

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

    def _run(self, enough: Callable[[dict[str, Any]], bool] | None) -> None:
        """Measure, unless that was done already."""
        if self._document is not None:
            return
        request = request_of(self.func, self.args, self.kwargs)
        options = Options(executors=(self.executor,), workers=(self.workers,), budget_s=self.budget_s)
        with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
            path = Path(folder, RESULT_NAME)
            asked = None if enough is None else (lambda: enough(analyse(load(path))))
            if not measure(request, options, path, enough=asked):
                raise KeyboardInterrupt
            self._result = load(path)
            self._document = analyse(self._result)

    def _judged(self, document: Mapping[str, Any], name: Measure, threshold: float) -> Verdict:
        row = _row(document, self.executor, self.workers)
        if row["status"] not in ("ok", "too_noisy"):
            return "failed"
        found = estimate_of(row[name])
        return "open" if found is None else judge(name, threshold, found, _spin(document, self.workers), self.workers)

    def _told(self, name: Measure, threshold: float) -> str:
        """Say what was found, in one line."""
        assert self._document is not None
        row, spin = _row(self._document, self.executor, self.workers), _spin(self._document, self.workers)
        what = f"{row['case'].partition('@')[0]} in {self.workers} {self.executor}"
        if row["status"] not in ("ok", "too_noisy"):
            return f"{what}: {row['status'].replace('_', ' ')}: {row['reason']}"
        causes = [code for code in row["findings"] if code not in ("scales", "too_noisy")]
        why = f" ({', '.join(causes)})" if causes else ""
        return (
            f"{what}: {name.replace('_', ' ')} {_shown(estimate_of(row[name]))}, wanted {threshold:g}{why}; "
            f"speed-up {_shown(estimate_of(row['speedup']))}, the machine gave {_shown(spin)}, {row['blocks']} blocks"
        )

    def _facts(self, name: Measure, threshold: float) -> dict[str, Any]:
        assert self._document is not None
        row = _row(self._document, self.executor, self.workers)
        controls = [entry["speedup"] for entry in self._document["controls"] if entry["kernel"] == "A/A"]
        return {
            **{key: row[key] for key in ("case", "executor", "workers", "speedup", "efficiency")},
            "relative_efficiency": row["relative_efficiency"],
            "findings": row["findings"],
            "quantity": name,
            "threshold": threshold,
            "noise_floor": controls[0] if controls else None,
        }


def _row(document: Mapping[str, Any], executor: str, workers: int) -> Mapping[str, Any]:
    """Return the row of the case; where it never came to that, of the one that says why."""
    rows: list[Mapping[str, Any]] = document["cases"]
    exact = [row for row in rows if (row["executor"], row["workers"]) == (executor, workers)]
    return (exact or rows)[0]


def _spin(document: Mapping[str, Any], workers: int) -> Estimate | None:
    found = (row for row in document["controls"] if (row["kernel"], row["workers"]) == ("spin", workers))
    row = next(found, None)
    return None if row is None else estimate_of(row["speedup"])


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
        self.report({"gate": "gil", "outcome": verdict, "message": told, "function": name, "limit": limit})
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
