"""Measuring: where each cell's curve crosses 50 % roughly, then blocks of the points around it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.errors import MeasurementError
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost
from gilscope.measure.loop import buy_blocks, shuffled
from gilscope.stats import LOOKS, MIN_BLOCKS, should_stop
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import SPIN, STEP, measured, side
from gilscope.studies.metg.placing import LEAD_SHARE, Curve, Placing, resized, trouble_of
from gilscope.studies.metg.rows import Length, MetgLog, MetgSample, NetSample, median_length, row_of
from gilscope.studies.metg.ways import BASELINE_STEPS, PATTERNS, Contender, MetgCell, MetgRequest
from gilscope.studies.record import StudyBlock

_CONTROL_ROUNDS = 3  # per block, of each baseline and the control: their median does not depend on one disturbed round
_MOVES_AFTER = 2  # blocks after which a curve that is off centre is moved
_WIDER_AFTER = 3  # blocks after which a curve whose interval is open gets more sizes
_PRECISE = 0.05  # relative half-width of an interval that more blocks need not narrow: sizes are a factor of two apart
_RAREST = 3  # dear curves are in every third block at least


@dataclass(slots=True)
class _BlockTimes:
    """One block while it is measured: seconds per step by baseline, per task by curve and octave, per control."""

    baselines: dict[Case, list[Length]] = field(default_factory=lambda: defaultdict(list))
    tasks: dict[str, dict[int | None, Length]] = field(default_factory=lambda: defaultdict(dict))
    control: list[Length] = field(default_factory=list)


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
        cpus = log.record.environment.get("cpus", {}).get("count")
        self._clock_ns, self._placing = clock_ns, Placing(host, observer, cpus)
        self._curves = [Curve(cell=cell) for cell in cells]
        self._slowness = 1.0  # of the last block, over what was planned

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
                self._decide(curve)

    def _note(self, curve: Curve, status: RowStatus = "ok", reason: str = "", cure: str = "") -> None:
        """Write how a curve fares, and where it is."""
        row = self._log.record.items[curve.cell.key].row
        self._log.put(curve.cell.key, replace(row, status=status, reason=reason, cure=cure), curve.plan)

    def _give_up(self, curve: Curve, error: MeasurementError) -> None:
        curve.octaves = ()
        self._note(curve, *trouble_of(error))

    @property
    def blocks(self) -> int:
        return len(self._log.record.blocks)

    def wants_more(self) -> bool:
        return any(self._live())

    def rank(self) -> tuple[float, ...]:
        return ()

    def cost_s(self) -> float:
        return self._planned_s() * self._slowness

    def _planned_s(self) -> float:
        """Return how long the next block takes if all rounds are as long as they were."""
        baselines = sum(point.round_s for point in self._placing.baselines.values()) * _CONTROL_ROUNDS
        return baselines * (1 + 1 / LEAD_SHARE) + sum(curve.block_s for curve in self._next())

    def run_block(self) -> float:
        """Measure one round of every point, in random order."""
        started_ns, planned_s, times, due = self._clock_ns(), self._planned_s(), _BlockTimes(), list(self._next())
        for curve in due:
            curve.spent_s = 0.0
        for take in shuffled(self._turns(times, due), self._request.seed, self.name, self.blocks):
            take()
        self._write(times, started_ns)
        for key in self._log.record.blocks[-1].samples:
            self._decide(next(curve for curve in self._curves if curve.cell.key == key))
        spent_s = (self._clock_ns() - started_ns) / 1e9
        self._slowness = spent_s / planned_s
        return spent_s

    def _live(self) -> Iterator[Curve]:
        return (curve for curve in self._curves if curve.octaves and not curve.decided)

    def _next(self) -> Iterator[Curve]:
        """Yield what is in the next block: dear curves are not in every one, so that there are enough of the others."""
        live = list(self._live())
        fair_s = self._request.budget_s / LOOKS[0] / max(1, len(live))
        for at, curve in enumerate(live):
            every = max(1, min(_RAREST, round(curve.block_s / fair_s)))
            if not curve.spent_s or (self.blocks + at) % every == 0:
                yield curve

    def _turns(self, times: _BlockTimes, due: Sequence[Curve]) -> Iterator[Callable[[], None]]:
        """Yield what a block consists of."""
        for case in self._placing.baselines:
            if case.executor == "serial" or any(curve.cell.way.baseline == case for curve in due):
                yield from [partial(self._take_baseline, times, case)] * _CONTROL_ROUNDS
        empty = (None,) if self.blocks < MIN_BLOCKS or self.blocks % _RAREST == 0 else ()
        for curve in due:
            for octave in (*empty, *curve.octaves):
                yield partial(self._take, times, curve, octave)
        if self._placing.control is not None:
            yield from [partial(self._take_control, times)] * _CONTROL_ROUNDS

    def _take_baseline(self, times: _BlockTimes, case: Case) -> None:
        point = self._placing.baselines[case]
        times.baselines[case].append(self._placing.run(case, point).over(point.repeats * BASELINE_STEPS))

    def _take_control(self, times: _BlockTimes) -> None:
        if self._placing.control is None:  # it failed in this block
            return
        (case, point), steps = self._placing.control, self._placing.control_steps
        try:
            times.control.append(self._placing.run(case, point).over(point.repeats * steps))
        except MeasurementError as error:
            self._observer.message(f"no control from here on: {error}")
            self._placing.control = None

    def _take(self, times: _BlockTimes, curve: Curve, octave: int | None) -> None:
        if not curve.octaves:  # it failed in this block
            return
        cell, point, begin_ns = curve.cell, curve.points[octave], self._clock_ns()
        try:
            length = self._placing.run(curve.case(octave), point, self._placing.work_s(curve, octave, point))
        except MeasurementError as error:
            self._give_up(curve, error)
            self._observer.message(f"{cell.way.label}: {error}")
        else:
            times.tasks[cell.key][octave] = length.over(point.repeats * cell.tasks_per_worker)
            curve.points[octave] = resized(point, length.best)
            curve.spent_s += (self._clock_ns() - begin_ns) / 1e9

    def _write(self, times: _BlockTimes, started_ns: int) -> None:
        """Add a block that has come to its end to the log."""
        serial = next((rounds for case, rounds in times.baselines.items() if case.executor == "serial"), None)
        step = None if serial is None else median_length(serial)
        # The efficiency of long tasks; None where it is unknown.
        machine = None if step is None or not times.control else step.over(median_length(times.control))
        samples = {}
        for curve in self._live():
            cell, tasks = curve.cell, times.tasks.get(curve.cell.key)
            steps = times.baselines.get(cell.way.baseline)
            if tasks is None or steps is None:
                continue
            of_machine = machine if machine is not None and cell.way.workers > 1 else Length(wall=1.0, net=(1.0,) * 3)
            samples[cell.key] = _sample(median_length(steps), of_machine, tasks)
        controls = {} if step is None else {STEP: step.best}
        if machine is not None:
            controls[SPIN] = self._placing.machine = machine.best
        ended_ns = self._clock_ns()
        self._log.block(StudyBlock(started_ns=started_ns, ended_ns=ended_ns, samples=samples, controls=controls))

    def _decide(self, curve: Curve) -> None:
        """Move or widen a curve that does not surely cross 50 %; find out whether it needs more blocks."""
        record = self._log.record
        samples = record.samples(curve.cell.key)
        here = [one for one in samples if one.granularity_s.keys() == set(curve.octaves)]
        found = measured(record.items[curve.cell.key].row, samples, {}).metg_s if len(samples) >= MIN_BLOCKS else None
        try:
            moved = len(here) >= _MOVES_AFTER and self._placing.shift(curve, here)
            if moved or (len(here) >= _WIDER_AFTER and found is not None and self._placing.widen(curve, found)):
                self._note(curve)
                return
        except MeasurementError as error:
            self._give_up(curve, error)
            return
        if len(here) >= MIN_BLOCKS and abs(sum(side(one.net or one.timed) for one in here)) == len(here):
            curve.decided = True
        elif len(samples) in LOOKS:
            curve.decided = should_stop([found], _PRECISE)


def _sample(step: Length, machine: Length, tasks: Mapping[int | None, Length]) -> MetgSample:
    """Return what a block found of a curve."""
    sizes = {octave: tasks[octave] for octave in sorted(one for one in tasks if one is not None)}
    nets = {octave: length.net for octave, length in sizes.items() if length.net is not None}
    net = None
    if step.net is not None and machine.net is not None and len(nets) == len(sizes):
        net = NetSample(step_s=step.net, machine=machine.net, granularity_s=nets)
    return MetgSample(
        empty_s=tasks[None].best if None in tasks else None,
        step_s=step.wall,
        machine=machine.wall,
        granularity_s={octave: length.wall for octave, length in sizes.items()},
        net=net,
    )


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

    Each of the ``ways`` is a row per pattern, whether it can be measured or not; ``cells`` are those that can. Blocks
    that ``log`` has already count, with the time they took.
    """
    for way in ways:
        for pattern in PATTERNS:
            key = MetgCell(way=way, pattern=pattern).key
            if key not in log.record.items or not way.available.ok:
                log.put(key, row_of(way, pattern))
    series = _MetgSeries(request, cells, host, log, observer, clock_ns)
    series.pilot()
    buy_blocks([series], request.budget_s, observer, spent_s=log.record.spent_s, clock_ns=clock_ns)
