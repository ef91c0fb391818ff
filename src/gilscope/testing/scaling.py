"""Gates on how a function scales: measured until a threshold is certainly met, certainly missed, or time is up."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.analysis import Answer, analyse
from gilscope.analysis.columns import scaled
from gilscope.analysis.gate import Gate, Quantity, gate
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.to_json import to_json
from gilscope.api import Way
from gilscope.core.errors import UsageError
from gilscope.core.records import ResultSet
from gilscope.measure.engine import measure
from gilscope.profile.callables import request_of
from gilscope.profile.functions import Functions, Options
from gilscope.report.sentences import verdict
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME
from gilscope.stats import Estimate
from gilscope.testing.outcome import Undecided, shown, values_of

__all__ = ["DEFAULT_BUDGET_S", "ScalingResult"]

DEFAULT_BUDGET_S = 40.0
"""Up to about 90 blocks of one function on 2 CPUs. On a quiet machine the first look, after eight, mostly decides."""

ROUND_S = 0.05
"""Shortest round of T(1) in a gate. What it tells apart lies a factor of p apart, so many short rounds are worth more
than a few long ones: other programs come and go between them."""

_MEASURED = ("ok", "too_noisy")


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
    _answer: Answer | None = None
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
        asked: dict[Quantity, float | None] = {
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
        outcome, message = self._judged(name, threshold), self._said(name, threshold)
        self.report({"gate": "scaling", "outcome": outcome, "message": message, **self._facts(name, threshold)})
        if outcome == "failed":
            raise AssertionError(message)
        if outcome == "open":
            raise Undecided(message)

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
        return to_json(self._known, verdict)

    def _run(self, enough: Callable[[], bool] | None) -> None:
        """Measure, unless that was done already."""
        if self._answer is not None:
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
        self._answer = analyse(self._result)
        return True

    def _judged(self, name: Quantity, threshold: float) -> Gate:
        if self._row.status not in _MEASURED:
            return "failed"
        return gate(name, threshold, self._found(name), self._row.basis.control, self.workers)

    @property
    def _known(self) -> Answer:
        assert self._answer is not None
        return self._answer

    @property
    def _row(self) -> CaseRow:
        """The row of the case; where it never came to that, the one that says why."""
        rows = self._known.rows
        asked = (self.executor, self.workers)
        return next((row for row in rows if (row.case.executor, row.case.workers) == asked), rows[0])

    def _found(self, name: Quantity) -> Estimate | None:
        """Return what a threshold is compared with: net where that is known, like the control's."""
        basis = self._row.basis
        found = basis.relative_efficiency if name == "relative_efficiency" else basis.speedup
        return scaled(found, 1.0 / self.workers) if name == "efficiency" else found

    def _said(self, name: Quantity, threshold: float) -> str:
        """Say what was found, in one line."""
        row = self._row
        what = f"{row.case.kernel}/{row.case.implementation} in {self.workers} {self.executor}"
        if row.status not in _MEASURED:
            return f"{what}: {row.status.replace('_', ' ')}: {row.reason}"
        causes = [code for code in row.causes if code != "too_noisy"]
        why = f" ({', '.join(causes)})" if causes else ""
        basis = row.basis
        net = f", {basis.label}" if basis.net else ""
        return (
            f"{what}: {name.replace('_', ' ')} {shown(self._found(name))}, wanted {threshold:g}{why}; "
            f"speed-up {shown(basis.speedup)}, the control {shown(basis.control)}{net}, {row.blocks} blocks"
        )

    def _facts(self, name: Quantity, threshold: float) -> dict[str, Any]:
        """Return the numbers of a decision as JSON (docs/schema.md)."""
        row = self._row
        floors = self._known.controls_of(row.case.kernel, "A/A")
        return {
            "case": row.case.id,
            "executor": row.case.executor,
            "workers": row.case.workers,
            "blocks": row.blocks,
            "speedup": values_of(row.speedup),
            "net_speedup": values_of(row.net_speedup),
            "efficiency": values_of(row.efficiency),
            "relative_efficiency": values_of(row.relative_efficiency),
            "findings": list(row.codes),
            "quantity": name,
            "threshold": threshold,
            "found": values_of(self._found(name)),
            "control": values_of(row.basis.control),
            "net": row.basis.net,
            "noise_floor": values_of(floors[0].speedup) if floors else None,
        }
