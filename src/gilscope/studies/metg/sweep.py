"""Measuring: where each cell's curve crosses 50 % roughly, then blocks of the points around it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.errors import MeasurementError
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost
from gilscope.measure.loop import buy_blocks, shuffled
from gilscope.stats import MIN_BLOCKS
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import SPIN, STEP
from gilscope.studies.metg.placing import LEAD_SHARE, REACH, Curve, Placing, trouble_of
from gilscope.studies.metg.rows import MetgLog, MetgSample, row_of
from gilscope.studies.metg.ways import BASELINE_STEPS, PATTERNS, Contender, MetgCell, MetgRequest
from gilscope.studies.record import StudyBlock

_CONTROL_ROUNDS = 3  # per block, of each baseline and the control: their median does not depend on one disturbed round
_LEAST_REACH = 1  # octaves above the crossing that a curve keeps when the budget is short
_SHIFTS_UNTIL = 3  # blocks after which a curve that does not cross 50 % stays where it is


@dataclass(slots=True)
class _BlockTimes:
    """One block while it is measured: seconds per step by baseline, per task by curve and octave, per control."""

    baselines: dict[Case, list[float]] = field(default_factory=lambda: defaultdict(list))
    tasks: dict[str, dict[int | None, float]] = field(default_factory=lambda: defaultdict(dict))
    control: list[float] = field(default_factory=list)


class _MetgSeries:
    """See `loop.Series`."""

    name = "metg"
    precision: float | None = None

    def __init__(
        self,
        request: MetgRequest,
        cells: Sequence[MetgCell],
        host: SupervisedHost,
        log: MetgLog,
        observer: Observer,
        clock_ns: Callable[[], int],
    ) -> None:
        self._request, self._log, self._observer = request, log, observer
        self._clock_ns, self._placing = clock_ns, Placing(host, observer)
        self._curves = [Curve(cell=cell) for cell in cells]
        self._block_s = 0.0  # the last one

    # Finding the place ------------------------------------------------------------------------------------------------

    def pilot(self) -> None:
        """Prepare the baselines, then find each cell's crossing roughly, unless it is known."""
        self._placing.make_control([curve.cell for curve in self._curves])
        for done, curve in enumerate(self._curves):
            self._observer.preparing(curve.cell.case(0), done, len(self._curves))
            known = self._log.record.items[curve.cell.key].plan
            try:
                if known is None:
                    self._placing.find(curve)
                else:
                    self._placing.take_up(curve, known)
            except MeasurementError as error:
                self._give_up(curve, error)
            else:
                self._note(curve)
        self._trim()

    def _note(self, curve: Curve, status: RowStatus = "ok", reason: str = "", cure: str = "") -> None:
        """Write how a curve fares, and where it is."""
        row = self._log.record.items[curve.cell.key].row
        self._log.put(curve.cell.key, replace(row, status=status, reason=reason, cure=cure), curve.plan)

    def _give_up(self, curve: Curve, error: MeasurementError) -> None:
        curve.octaves = ()
        self._note(curve, *trouble_of(error))

    def _trim(self) -> None:
        """Give up the longest tasks of the dearest curves until enough blocks for an interval fit into the budget."""
        while MIN_BLOCKS * self._planned_s() > self._request.budget_s:
            spare = [curve for curve in self._live() if len(curve.octaves) > REACH + 1 + _LEAST_REACH]
            if not spare:
                return
            dearest = max(spare, key=lambda curve: curve.points[curve.octaves[-1]].round_s)
            dearest.octaves = dearest.octaves[:-1]
            self._note(dearest)

    # Blocks -----------------------------------------------------------------------------------------------------------

    @property
    def blocks(self) -> int:
        return len(self._log.record.blocks)

    def wants_more(self) -> bool:
        return any(self._live())

    def rank(self) -> tuple[float, ...]:
        return ()

    def cost_s(self) -> float:
        return self._block_s or self._planned_s()

    def _planned_s(self) -> float:
        """Return how long a block takes if all rounds are as long as they were."""
        points = [curve.points[octave] for curve in self._live() for octave in (None, *curve.octaves)]
        points += [*self._placing.baselines.values()] * _CONTROL_ROUNDS
        return sum(point.round_s * (1 + 1 / LEAD_SHARE) for point in points)

    def run_block(self) -> float:
        """Measure one round of every point, in random order."""
        started_ns, times = self._clock_ns(), _BlockTimes()
        for take in shuffled(self._turns(times), self._request.seed, self.name, self.blocks):
            take()
        self._write(times, started_ns)
        if self.blocks <= _SHIFTS_UNTIL:
            for curve in list(self._live()):
                self._shift(curve)
        self._block_s = (self._clock_ns() - started_ns) / 1e9
        return self._block_s

    def _live(self) -> Iterator[Curve]:
        return (curve for curve in self._curves if curve.octaves)

    def _turns(self, times: _BlockTimes) -> Iterator[Callable[[], None]]:
        """Yield what a block consists of."""
        for case in self._placing.baselines:
            yield from [partial(self._take_baseline, times, case)] * _CONTROL_ROUNDS
        for curve in self._live():
            for octave in (None, *curve.octaves):
                yield partial(self._take, times, curve, octave)
        if self._placing.control is not None:
            yield from [partial(self._take_control, times)] * _CONTROL_ROUNDS

    def _take_baseline(self, times: _BlockTimes, case: Case) -> None:
        point = self._placing.baselines[case]
        times.baselines[case].append(self._placing.run_s(case, point) / point.repeats / BASELINE_STEPS)

    def _take_control(self, times: _BlockTimes) -> None:
        if self._placing.control is None:  # it failed in this block
            return
        case, point = self._placing.control
        try:
            times.control.append(self._placing.run_s(case, point) / point.repeats)
        except MeasurementError as error:
            self._observer.message(f"no control from here on: {error}")
            self._placing.control = None

    def _take(self, times: _BlockTimes, curve: Curve, octave: int | None) -> None:
        if not curve.octaves:  # it failed in this block
            return
        cell, point = curve.cell, curve.points[octave]
        try:
            wall_s = self._placing.run_s(curve.case(octave), point)
        except MeasurementError as error:
            self._give_up(curve, error)
            self._observer.message(f"{cell.way.label}: {error}")
        else:
            times.tasks[cell.key][octave] = cell.per_task_s(wall_s, point.repeats)

    def _write(self, times: _BlockTimes, started_ns: int) -> None:
        """Add a block that has come to its end to the log."""
        controls, samples = self._controls(times), {}
        for curve in self._live():
            cell, tasks = curve.cell, times.tasks.get(curve.cell.key)
            steps_s = times.baselines.get(cell.way.baseline)
            if tasks is None or steps_s is None:
                continue
            samples[cell.key] = MetgSample(
                empty_s=tasks[None],
                step_s=statistics.median(steps_s),
                machine=controls.get(SPIN, 1.0) if cell.way.workers > 1 else 1.0,
                granularity_s={octave: tasks[octave] for octave in curve.octaves},
            )
        ended_ns = self._clock_ns()
        self._log.block(StudyBlock(started_ns=started_ns, ended_ns=ended_ns, samples=samples, controls=controls))

    def _controls(self, times: _BlockTimes) -> dict[str, float]:
        chunked = next((rounds for case, rounds in times.baselines.items() if case.executor == "serial"), None)
        if chunked is None:
            return {}
        step_s = statistics.median(chunked)
        if not times.control:
            return {STEP: step_s}
        return {SPIN: step_s * self._placing.control_steps / statistics.median(times.control), STEP: step_s}

    def _shift(self, curve: Curve) -> None:
        """Move a curve that did not cross 50 % in the last block."""
        sample = self._log.record.blocks[-1].samples.get(curve.cell.key)
        try:
            if sample is not None and self._placing.shift(curve, sample):
                self._note(curve)
        except MeasurementError as error:
            self._give_up(curve, error)


def measure(
    request: MetgRequest,
    ways: Sequence[Contender],
    cells: Sequence[MetgCell],
    host: SupervisedHost,
    log: MetgLog,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> None:
    """Sweep the task size of every cell, in blocks, until the budget is spent; one block at least.

    Parameters
    ----------
    ways : sequence of Contender
        Each is a row per pattern, whether it can be measured or not.
    cells : sequence of MetgCell
        What can be measured of them.
    log : MetgLog
        Receives everything. Blocks that it has already count, with the time they took.
    """
    for way in ways:
        for pattern in PATTERNS:
            key = MetgCell(way=way, pattern=pattern).key
            if key not in log.record.items or not way.available.ok:
                log.put(key, row_of(way, pattern))
    series = _MetgSeries(request, cells, host, log, observer, clock_ns)
    series.pilot()
    buy_blocks([series], request.budget_s, observer, spent_s=log.record.spent_s, clock_ns=clock_ns)
