"""Measuring: where each cell's curve crosses 50 % roughly, then blocks of the points around it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError
from gilscope.measure.events import Observer
from gilscope.measure.host import Host
from gilscope.measure.loop import buy_blocks, shuffled
from gilscope.stats import MIN_BLOCKS
from gilscope.studies.metg.model import SPIN, STEP
from gilscope.studies.metg.placing import LEAD_SHARE, REACH, Curve, Placing, Point, trouble_of
from gilscope.studies.metg.rows import MetgLog, MetgSample, row_of
from gilscope.studies.metg.ways import BASELINE_STEPS, PATTERNS, Contender, MetgCell, MetgRequest
from gilscope.studies.record import StudyBlock

__all__ = ["measure"]

_CONTROL_ROUNDS = 3  # per block and loop: all is held against their median, so that one disturbed round does not count
_LEAST_REACH = 1  # octaves above the crossing that a curve keeps when the budget is short
_SHIFTS_UNTIL = 3  # blocks after which a curve that does not cross 50 % stays where it is


@dataclass(slots=True, kw_only=True)
class _Seen:
    """One block while it is measured: seconds per step by baseline, workers x wall per task by curve and octave."""

    baselines: dict[str, list[float]] = field(default_factory=dict)
    tasks: dict[str, dict[int | None, float]] = field(default_factory=dict)
    control: list[float] = field(default_factory=list)

    def step_s(self, cell: MetgCell) -> float | None:
        """Return the serial seconds per step that a cell is held against."""
        rounds = self.baselines.get(cell.way.baseline.id)
        return statistics.median(rounds) if rounds else None


class _Measuring:
    """The state of one measurement: see `measure` and `loop.Series`."""

    name = "metg"
    precision: float | None = None

    def __init__(
        self,
        request: MetgRequest,
        cells: Sequence[MetgCell],
        host: Host,
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
        """Make the baselines ready, then find each cell's crossing roughly, unless it is known."""
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
                continue
            self._say(curve)
        self._trim()

    def _say(self, curve: Curve) -> None:
        """Write where a curve is now, and that nothing is wrong with it."""
        row = self._log.record.items[curve.cell.key].row
        self._log.put(curve.cell.key, replace(row, status="ok", reason="", cure=""), curve.plan)

    def _give_up(self, curve: Curve, error: MeasurementError) -> None:
        """Write why a curve has no more blocks."""
        curve.octaves = ()
        row, (status, reason, cure) = self._log.record.items[curve.cell.key].row, trouble_of(error)
        self._log.put(curve.cell.key, replace(row, status=status, reason=reason, cure=cure))

    def _trim(self) -> None:
        """Give up the longest tasks of the dearest curves until enough blocks for an interval fit into the budget."""
        while MIN_BLOCKS * self._planned_s() > self._request.budget_s:
            spare = [curve for curve in self._live() if len(curve.octaves) > REACH + 1 + _LEAST_REACH]
            if not spare:
                return
            dearest = max(spare, key=lambda curve: curve.points[curve.octaves[-1]].round_s)
            dearest.octaves = dearest.octaves[:-1]
            self._say(dearest)

    # Blocks -----------------------------------------------------------------------------------------------------------

    @property
    def blocks(self) -> int:
        """See ``loop.Series``."""
        return len(self._log.record.blocks)

    def wants_more(self) -> bool:
        """See ``loop.Series``."""
        return any(self._live())

    def rank(self) -> tuple[float, ...]:
        """See ``loop.Series``."""
        return ()

    def cost_s(self) -> float:
        """See ``loop.Series``."""
        return self._block_s or self._planned_s()

    def _planned_s(self) -> float:
        """Return how long a block takes if all rounds are as long as they were."""
        points = [point for curve in self._live() for point in self._points_of(curve).values()]
        controls = [point for point in self._placing.baselines.values() for _ in range(_CONTROL_ROUNDS)]
        return sum(point.round_s * (1 + 1 / LEAD_SHARE) for point in [*points, *controls])

    def run_block(self) -> float:
        """Measure one round of every point, in random order."""
        started_ns, seen = self._clock_ns(), _Seen()
        for take in shuffled(self._turns(seen), self._request.seed, self.name, self.blocks):
            take()
        self._keep(seen, started_ns)
        if self.blocks <= _SHIFTS_UNTIL:
            for curve in list(self._live()):
                self._shift(curve)
        self._block_s = (self._clock_ns() - started_ns) / 1e9
        return self._block_s

    def _live(self) -> Iterator[Curve]:
        return (curve for curve in self._curves if curve.octaves)

    @staticmethod
    def _points_of(curve: Curve) -> dict[int | None, Point]:
        return {octave: curve.points[octave] for octave in (None, *curve.octaves)}

    def _turns(self, seen: _Seen) -> Iterator[Callable[[], None]]:
        """Yield what a block consists of."""
        for name, point in self._placing.baselines.items():
            for _ in range(_CONTROL_ROUNDS):
                yield lambda name=name, point=point: self._take_baseline(seen, name, point)  # type: ignore[misc]
        for curve in self._live():
            for octave, point in self._points_of(curve).items():
                yield lambda c=curve, o=octave, p=point: self._take(seen, c, o, p)  # type: ignore[misc]
        for _ in range(_CONTROL_ROUNDS if self._placing.control is not None else 0):
            yield lambda: self._take_control(seen)

    def _take_baseline(self, seen: _Seen, name: str, point: Point) -> None:
        wall_s = self._placing.run(point).wall_ns / 1e9
        seen.baselines.setdefault(name, []).append(wall_s / point.repeats / BASELINE_STEPS)

    def _take_control(self, seen: _Seen) -> None:
        if self._placing.control is None:  # has failed in this block
            return
        try:
            seen.control.append(self._placing.run(self._placing.control).wall_ns / 1e9 / self._placing.control.repeats)
        except MeasurementError as error:
            self._observer.message(f"no control from here on: {error}")
            self._placing.control = None

    def _take(self, seen: _Seen, curve: Curve, octave: int | None, point: Point) -> None:
        if not curve.octaves:  # has failed in this block
            return
        try:
            wall_s = self._placing.run(point).wall_ns / 1e9
        except MeasurementError as error:
            self._give_up(curve, error)
            self._observer.message(f"{curve.cell.way.label}: {error}")
            return
        cell = curve.cell
        seen.tasks.setdefault(cell.key, {})[octave] = cell.way.workers * wall_s / point.repeats / cell.tasks

    def _keep(self, seen: _Seen, started_ns: int) -> None:
        """Add a block that has come to its end."""
        controls, samples = self._controls(seen), {}
        for curve in self._live():
            tasks, step_s = seen.tasks.get(curve.cell.key), seen.step_s(curve.cell)
            if tasks is None or step_s is None:
                continue
            samples[curve.cell.key] = MetgSample(
                empty_s=tasks[None],
                step_s=step_s,
                machine=controls.get(SPIN, 1.0) if curve.cell.way.workers > 1 else 1.0,
                granularity_s={octave: tasks[octave] for octave in curve.octaves},
            )
        ended_ns = self._clock_ns()
        self._log.block(StudyBlock(started_ns=started_ns, ended_ns=ended_ns, samples=samples, controls=controls))

    def _controls(self, seen: _Seen) -> dict[str, float]:
        """Return what a block says about the machine."""
        chunked = next((rounds for name, rounds in seen.baselines.items() if "@serial" in name), None)
        if chunked is None:
            return {}
        step_s = statistics.median(chunked)
        if not seen.control:
            return {STEP: step_s}
        return {SPIN: step_s * self._placing.control_steps / statistics.median(seen.control), STEP: step_s}

    def _shift(self, curve: Curve) -> None:
        """Move a curve that did not cross 50 % in the last block."""
        seen = self._log.record.blocks[-1].samples.get(curve.cell.key)
        if seen is None:
            return
        try:
            if self._placing.shift(curve, seen):
                self._say(curve)
        except MeasurementError as error:
            self._give_up(curve, error)


def measure(
    request: MetgRequest,
    ways: Sequence[Contender],
    cells: Sequence[MetgCell],
    host: Host,
    log: MetgLog,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> None:
    """Sweep the task size of every cell, in blocks, until the budget is spent; one block at least.

    Parameters
    ----------
    ways : sequence of Contender
        All that was asked for; each is a row per pattern.
    cells : sequence of MetgCell
        What can be measured of them.
    log : MetgLog
        Receives everything; what it has already counts, with the time it took.
    """
    for way in ways:
        for pattern in PATTERNS:
            key = MetgCell(way=way, pattern=pattern).key
            if key not in log.record.items or not way.available.ok:
                log.put(key, row_of(way, pattern))
    measuring = _Measuring(request, cells, host, log, observer, clock_ns)
    measuring.pilot()
    buy_blocks([measuring], request.budget_s, observer, spent_s=log.record.spent_s, clock_ns=clock_ns)
