"""Gates on how a function scales: measured until a threshold is certainly met, certainly missed, or time is up."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gilscope.analysis import analyse
from gilscope.analysis.columns import columns_by_kernel, estimated, ratio
from gilscope.analysis.unqueued import GIVEN, unqueued_speedup
from gilscope.api import Way, estimate_of
from gilscope.cases import Case
from gilscope.errors import UsageError
from gilscope.measure.callables import request_of
from gilscope.measure.engine import measure
from gilscope.measure.functions import Functions, Options
from gilscope.records import ResultSet
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME
from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE
from gilscope.testing.outcome import Undecided, shown, values_of

__all__ = ["DEFAULT_BUDGET_S", "ScalingResult", "judge"]

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
        __tracebackhide__ = True  # test runners show the line that demands, not this one
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
            if not measure(Functions(request, options), path, enough=asked):
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
        held = _share_held(self._result, case)
        if held is None:
            return None
        columns = columns_by_kernel(self._result)[case.kernel]
        given = unqueued_speedup(columns, spin, "spin")
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
            f"{what}: {name.replace('_', ' ')} {shown(seen.found)}, wanted {threshold:g}{why}; "
            f"speed-up {shown(estimate_of(row['speedup']))}, the control {shown(seen.spin)}{busy}, "
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
            "found": values_of(seen.found),
            "control": values_of(seen.spin),
            "without_queueing": seen.unqueued,
            "noise_floor": controls[0] if controls else None,
        }


def _row(document: Mapping[str, Any], executor: str, workers: int) -> Mapping[str, Any]:
    """Return the row of the case; where it never came to that, of the one that says why."""
    rows: list[Mapping[str, Any]] = document["cases"]
    exact = [row for row in rows if (row["executor"], row["workers"]) == (executor, workers)]
    return (exact or rows)[0]


def _share_held(result: ResultSet, case: Case) -> float | None:
    """Return the share of its time a worker alone holds a GIL that the others need; None where no probe tells."""
    if case.executor != "threads" or result.environment["interpreter"].get("gil_enabled") is False:
        return 0.0
    held: float | None = result.environment["functions"][case.implementation]["held"]
    return held


def _spin(document: Mapping[str, Any], workers: int) -> Mapping[str, Any] | None:
    """Return the row of the control with as many workers, where it was measured."""
    found = (row for row in document["controls"] if (row["kernel"], row["workers"]) == ("spin", workers))
    return next((row for row in found if row["blocks"]), None)
