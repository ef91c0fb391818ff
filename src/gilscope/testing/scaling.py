"""Gates on how a function scales: measured until a threshold is certainly met, certainly missed, or time is up."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gilscope.analysis import Answer, analyse
from gilscope.analysis.columns import scaled
from gilscope.analysis.gate import Gate, Quantity, gate
from gilscope.analysis.rows import MEASURED, CaseRow
from gilscope.analysis.to_json import part_to_json
from gilscope.api import Way
from gilscope.core.errors import UsageError
from gilscope.core.records import ResultSet
from gilscope.measure.engine import measure
from gilscope.profile.callables import request_of
from gilscope.profile.functions import Functions, Options
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME
from gilscope.stats import Estimate
from gilscope.testing.outcome import OnDecision, interval_text, settle

DEFAULT_BUDGET_S = 40.0
"""Up to about 90 blocks of one function on 2 CPUs. On a quiet machine the first check, after eight, mostly decides."""

_ROUND_S = 0.05
"""Shortest round of T(1) in a gate. A gate tells apart what differs by a factor of p, so many short rounds are worth
more than a few long ones: other programs come and go between them."""


@dataclass(slots=True, kw_only=True)
class ScalingResult:
    """A function under one executor: measured when it is first needed, for as long as it takes to tell."""

    func: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    executor: str = "threads"
    workers: int = 2
    budget_s: float = DEFAULT_BUDGET_S  # of timed rounds at most
    report: OnDecision = lambda decision: None  # receives each decision
    _answer: Answer | None = None
    _result: ResultSet | None = None

    def require(
        self,
        *,
        speedup: float | None = None,
        efficiency: float | None = None,
        relative_efficiency: float | None = None,
        **unknown: Any,
    ) -> None:
        """Demand a lower bound of one quantity.

        Parameters
        ----------
        speedup : float, optional
            Over one call at a time.
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
        if unknown:
            raise UsageError(
                f"require() has no {', '.join(unknown)}: it takes relative_efficiency, speedup or efficiency; "
                "for the GIL use the fixture gil, e.g. gil.assert_released(func)"
            )
        bounds = {"speedup": speedup, "efficiency": efficiency, "relative_efficiency": relative_efficiency}
        wanted = [(cast("Quantity", name), value) for name, value in bounds.items() if value is not None]
        if len(wanted) != 1:
            raise UsageError("require one of speedup, efficiency and relative_efficiency, e.g. require(speedup=1.5)")
        name, threshold = wanted[0]
        if not (math.isfinite(threshold) and threshold > 0):
            raise UsageError(f"{name}={threshold!r} must be above zero")
        self._run(lambda: self._judged(name, threshold) != "open")
        settle(self.report, self._decision(name, threshold))

    @property
    def way(self) -> Way:
        """Everything about the case: speed-up, efficiency, findings."""
        self._run()
        return Way.of(self._row)

    @property
    def result(self) -> ResultSet:
        """All rounds."""
        self._run()
        assert self._result is not None
        return self._result

    def _run(self, decided: Callable[[], bool] | None = None) -> None:
        """Measure, unless that was done already, until it is decided or the budget is spent."""
        if self._answer is not None:
            return
        request = request_of(self.func, self.args, self.kwargs)
        options = Options(
            executors=(self.executor,),
            workers=(self.workers,),
            budget_s=self.budget_s,
            round_s=_ROUND_S,
            controls=("spin", "A/A"),
        )
        with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
            path = Path(folder, RESULT_NAME)

            def take(*_: object) -> bool:
                self._result = load(path)
                self._answer = analyse(self._result)
                return decided is not None and decided()

            if not measure(Functions(request, options), path, enough=take if decided else None):
                raise KeyboardInterrupt
            take()

    def _judged(self, name: Quantity, threshold: float) -> Gate:
        if self._row.status not in MEASURED:
            return "failed"
        return gate(name, threshold, self._found(name), self._row.basis.control, self.workers)

    @property
    def _known(self) -> Answer:
        assert self._answer is not None
        return self._answer

    @property
    def _row(self) -> CaseRow:
        """The row of the case; where it never came to that, the one that says why."""
        rows, own = self._known.rows, (self.executor, self.workers)
        return next((row for row in rows if (row.case.executor, row.case.workers) == own), rows[0])

    def _found(self, name: Quantity) -> Estimate | None:
        """Return what a threshold is compared with: net where that is known, like the control's."""
        basis = self._row.basis
        found = basis.relative_efficiency if name == "relative_efficiency" else basis.speedup
        return scaled(found, 1.0 / self.workers) if name == "efficiency" else found

    def _decision(self, name: Quantity, threshold: float) -> dict[str, Any]:
        """Return a decision with its numbers as JSON (docs/schema.md)."""
        row = self._row
        found, basis = self._found(name), row.basis
        floors = self._known.controls_of(row.case.kernel, "A/A")
        message = f"{row.case.kernel}/{row.case.implementation} in {self.workers} {self.executor}: "
        if row.status not in MEASURED:
            message += f"{row.status.replace('_', ' ')}: {row.reason}"
        else:
            causes = ", ".join(code for code in row.causes if code != "too_noisy")
            why = f" ({causes})" if causes else ""
            net = f", {basis.label}" if basis.net else ""
            message += (
                f"{name.replace('_', ' ')} {interval_text(found)}, wanted {threshold:g}{why}; speed-up "
                f"{interval_text(basis.speedup)}, the control {interval_text(basis.control)}{net}, {row.blocks} blocks"
            )
        outcome = self._judged(name, threshold)
        if outcome == "failed":
            with_what = ", with its arguments in --arg or --setup" if self.args or self.kwargs else ""
            message += f"; what stops it, and other ways: gilscope profile {shlex.quote(row.case.kernel)}{with_what}"
        return {
            "gate": "scaling",
            "outcome": outcome,
            "message": message,
            "case": row.case.id,
            "executor": row.case.executor,
            "workers": row.case.workers,
            "blocks": row.blocks,
            "speedup": part_to_json(row.speedup),
            "net_speedup": part_to_json(row.net_speedup),
            "efficiency": part_to_json(row.efficiency),
            "relative_efficiency": part_to_json(row.relative_efficiency),
            "findings": list(row.codes),
            "quantity": name,
            "threshold": threshold,
            "found": part_to_json(found),
            "control": part_to_json(basis.control),
            "net": basis.net,
            "noise_floor": part_to_json(floors[0].speedup) if floors else None,
        }
