"""Measuring: where each cell's curve crosses 50 % roughly, then blocks of the points around it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gilscope import clocks
from gilscope.cases import Case, Slot
from gilscope.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.calibrate import calibrate, timeout_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Host, Lead
from gilscope.measure.loop import buy_blocks, shuffled
from gilscope.records import Round
from gilscope.stats import MIN_BLOCKS
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import LEVEL, SPIN, STEP
from gilscope.studies.metg.rows import MetgLog, MetgPlan, MetgSample, PointPlan, row_of
from gilscope.studies.metg.ways import BASELINE_STEPS, PATTERNS, Cell, MetgRequest, Way
from gilscope.studies.record import StudyBlock

__all__ = ["measure"]

ROUND_S = 0.02
"""Shortest round. Short ones scatter, but where the curve crosses 50 % an error of 5 points moves the crossing by a
fifth only, and 20 ms let a block have 150 rounds in a few seconds."""

_CONTROL_ROUNDS = 3  # per block and loop: all is held against their median, so that one disturbed round does not count
_LEAD_SHARE = 4  # a lead-in is a quarter of a round: 5 ms
_REACH = 3  # octaves of task size to either side of the crossing
_LEAST, _MOST = 4, 28  # octaves: 16 steps are less than a function call, 2**28 take a quarter of a second
_LONGEST_STEP_S = 1.0  # of the tasks of a worker between two meetings
_PLATEAU = 32.0  # tasks so many times as long as their overhead have 97 % of the efficiency they can ever have
_LOOKS = 3  # rounds that place a curve: what disturbs one only makes it longer, so the shortest counts
_LEAST_REACH = 1  # octaves above the crossing that a curve keeps when the budget is short
_SHIFTS_UNTIL = 3  # blocks after which a curve that does not cross 50 % stays where it is


@dataclass(slots=True, kw_only=True)
class _Point:
    """A case made ready, with its repeats per round and the expected length of a round in seconds."""

    case: Case
    repeats: int
    round_s: float


@dataclass(slots=True, kw_only=True)
class _Curve:
    """A cell while it is measured.

    Parameters
    ----------
    octaves : tuple of int
        Its task sizes in the next block: 2**octave steps of the probe. Empty: it is given up.
    points : mapping of octave to _Point
        None stands for tasks without work.
    """

    cell: Cell
    octaves: tuple[int, ...] = ()
    points: dict[int | None, _Point] = field(default_factory=dict)

    @property
    def plan(self) -> MetgPlan | None:
        """What it takes to go on."""
        if not self.octaves:
            return None
        plans = {octave: PointPlan(repeats=p.repeats, round_s=p.round_s) for octave, p in self.points.items()}
        points = {octave: plans[octave] for octave in self.octaves}
        return MetgPlan(octaves=self.octaves, empty=plans[None], points=points)


@dataclass(slots=True, kw_only=True)
class _Seen:
    """One block while it is measured: seconds per step by baseline, workers x wall per task by curve and octave."""

    baselines: dict[str, list[float]] = field(default_factory=dict)
    tasks: dict[str, dict[int | None, float]] = field(default_factory=dict)
    control: list[float] = field(default_factory=list)

    def step_s(self, cell: Cell) -> float | None:
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
        cells: Sequence[Cell],
        host: Host,
        log: MetgLog,
        observer: Observer,
        clock_ns: Callable[[], int],
    ) -> None:
        self._request, self._host, self._log, self._observer = request, host, log, observer
        self._clock_ns = clock_ns
        self._curves = [_Curve(cell=cell) for cell in cells]
        self._baselines: dict[str, _Point] = {}
        self._step_s: dict[str, float] = {}
        self._control: _Point | None = None
        self._control_steps = BASELINE_STEPS
        self._machine = 1.0  # efficiency of long tasks while curves are placed
        self._block_s = 0.0  # the last one

    # Finding the place ------------------------------------------------------------------------------------------------

    def pilot(self) -> None:
        """Make the baselines ready, then find each cell's crossing roughly, unless it is known."""
        self._make_control()
        for done, curve in enumerate(self._curves):
            self._observer.preparing(curve.cell.case(0), done, len(self._curves))
            known = self._log.record.items[curve.cell.key].plan
            try:
                if known is None:
                    self._find(curve)
                else:
                    self._take_up(curve, known)
            except MeasurementError as error:
                self._give_up(curve, error)
                continue
            self._say(curve)
        self._trim()

    def _say(self, curve: _Curve) -> None:
        """Write where a curve is now, and that nothing is wrong with it."""
        row = self._log.record.items[curve.cell.key].row
        self._log.put(curve.cell.key, replace(row, status="ok", reason="", cure=""), curve.plan)

    def _give_up(self, curve: _Curve, error: MeasurementError) -> None:
        """Write why a curve has no more blocks."""
        curve.octaves = ()
        row, (status, reason, cure) = self._log.record.items[curve.cell.key].row, _trouble(error)
        self._log.put(curve.cell.key, replace(row, status=status, reason=reason, cure=cure))

    def _take_up(self, curve: _Curve, known: MetgPlan) -> None:
        """Make a curve ready where it was."""
        self._serial_step_s(curve.cell)
        for octave, plan in [(None, known.empty), *known.points.items()]:
            case = curve.cell.case(0 if octave is None else 1 << octave)
            self._made_ready(case)
            curve.points[octave] = _Point(case=case, repeats=plan.repeats, round_s=plan.round_s)
        curve.octaves = known.octaves

    def _find(self, curve: _Curve) -> None:
        cell = curve.cell
        step_s = self._serial_step_s(cell)
        empty = self._ready(curve, None)
        overhead_s = self._per_task_s(cell, empty)
        highest = min(_MOST, _octave(_PLATEAU * overhead_s / step_s, _LEAST + 1))
        highest = min(highest, _octave(_LONGEST_STEP_S / cell.tasks_per_worker / step_s, _LEAST + 1))
        octave = min(highest, _octave(overhead_s / step_s, _LEAST))
        rising: bool | None = None
        while True:
            point = self._ready(curve, octave)
            enough = (1 << octave) * step_s / self._per_task_s(cell, point) >= LEVEL * self._machine_of(cell)
            if rising is None:
                rising = not enough
            if enough == rising or not _LEAST < octave < highest:
                break
            octave += 1 if rising else -1
        self._place(curve, octave, highest)

    def _place(self, curve: _Curve, octave: int, highest: int = _MOST) -> None:
        """Put the points of a curve around an octave."""
        low, high = max(_LEAST, octave - _REACH), min(max(highest, octave), octave + _REACH)
        for wanted in range(low, high + 1):
            self._ready(curve, wanted, look=False)
        curve.octaves = tuple(range(low, high + 1))

    def _serial_step_s(self, cell: Cell) -> float:
        case = cell.way.baseline
        if case.id not in self._baselines:
            point = self._baselines[case.id] = self._looked_at(self._point(case))
            self._step_s[case.id] = point.round_s / point.repeats / BASELINE_STEPS
        return self._step_s[case.id]

    def _ready(self, curve: _Curve, octave: int | None, *, look: bool = True) -> _Point:
        """Return a point of a curve, made ready when it is first asked for."""
        if octave not in curve.points:
            point = self._point(curve.cell.case(0 if octave is None else 1 << octave))
            curve.points[octave] = self._looked_at(point) if look else point
        return curve.points[octave]

    def _looked_at(self, point: _Point) -> _Point:
        """Run a point a few times more; return it with the length of its shortest round."""
        walls = [self._round(point).wall_ns / 1e9 for _ in range(_LOOKS)]
        return _Point(case=point.case, repeats=point.repeats, round_s=min(*walls, point.round_s))

    def _point(self, case: Case) -> _Point:
        """Make a case ready.

        Raises
        ------
        MeasurementError
            If it cannot be measured.
        """
        first_s = self._made_ready(case)
        repeats, round_s = calibrate(self._host, Slot(case=case), first_s, round_s=ROUND_S)
        return _Point(case=case, repeats=repeats, round_s=round_s)

    def _made_ready(self, case: Case) -> float:
        """Prepare a case; return what it took the first time, in seconds."""
        record = self._host.prepare(Slot(case=case))
        if record.status != "ok":
            raise _NotReadyError(record.status, record.reason, record.cure)  # type: ignore[arg-type]
        return record.first_ns / 1e9

    @staticmethod
    def _per_task_s(cell: Cell, point: _Point) -> float:
        return cell.way.workers * point.round_s / point.repeats / cell.tasks

    def _make_control(self) -> None:
        """Make ready what shows what the machine gives to p workers: long tasks of the first way that deals them."""
        steps = [curve.cell for curve in self._curves if curve.cell.pattern == "steps"]
        for cell in [cell for cell in steps if cell.way.dispatch == "static"]:
            try:
                step_s = self._serial_step_s(cell)
                overhead_s = self._per_task_s(cell, self._looked_at(self._point(cell.case(0))))
                self._control_steps = max(BASELINE_STEPS, 1 << _octave(_PLATEAU * overhead_s / step_s, _LEAST))
                self._control = self._looked_at(self._point(cell.case(self._control_steps)))
            except MeasurementError as error:
                self._observer.message(f"no control by {cell.way.label}: {error}")
                continue
            self._machine = min(1.0, step_s * self._control_steps * self._control.repeats / self._control.round_s)
            return

    def _machine_of(self, cell: Cell) -> float:
        """Return what the machine gave to the workers of a cell while curves were placed."""
        return self._machine if cell.way.workers > 1 else 1.0

    def _trim(self) -> None:
        """Give up the longest tasks of the dearest curves until enough blocks for an interval fit into the budget."""
        while MIN_BLOCKS * self._planned_s() > self._request.budget_s:
            spare = [curve for curve in self._live() if len(curve.octaves) > _REACH + 1 + _LEAST_REACH]
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
        controls = [point for point in self._baselines.values() for _ in range(_CONTROL_ROUNDS)]
        return sum(point.round_s * (1 + 1 / _LEAD_SHARE) for point in [*points, *controls])

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

    def _live(self) -> Iterator[_Curve]:
        return (curve for curve in self._curves if curve.octaves)

    @staticmethod
    def _points_of(curve: _Curve) -> dict[int | None, _Point]:
        return {octave: curve.points[octave] for octave in (None, *curve.octaves)}

    def _turns(self, seen: _Seen) -> Iterator[Callable[[], None]]:
        """Yield what a block consists of."""
        for name, point in self._baselines.items():
            for _ in range(_CONTROL_ROUNDS):
                yield lambda name=name, point=point: self._take_baseline(seen, name, point)  # type: ignore[misc]
        for curve in self._live():
            for octave, point in self._points_of(curve).items():
                yield lambda c=curve, o=octave, p=point: self._take(seen, c, o, p)  # type: ignore[misc]
        for _ in range(_CONTROL_ROUNDS if self._control is not None else 0):
            yield lambda: self._take_control(seen)

    def _round(self, point: _Point) -> Round:
        lead = Lead(repeats=max(1, point.repeats // _LEAD_SHARE))
        return self._host.run_round(Slot(case=point.case), point.repeats, lead, timeout_of(point.round_s))

    def _take_baseline(self, seen: _Seen, name: str, point: _Point) -> None:
        wall_s = self._round(point).wall_ns / 1e9
        seen.baselines.setdefault(name, []).append(wall_s / point.repeats / BASELINE_STEPS)

    def _take_control(self, seen: _Seen) -> None:
        if self._control is None:  # has failed in this block
            return
        try:
            seen.control.append(self._round(self._control).wall_ns / 1e9 / self._control.repeats)
        except MeasurementError as error:
            self._observer.message(f"no control from here on: {error}")
            self._control = None

    def _take(self, seen: _Seen, curve: _Curve, octave: int | None, point: _Point) -> None:
        if not curve.octaves:  # has failed in this block
            return
        try:
            wall_s = self._round(point).wall_ns / 1e9
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
        return {SPIN: step_s * self._control_steps / statistics.median(seen.control), STEP: step_s}

    def _shift(self, curve: _Curve) -> None:
        """Move a curve that did not cross 50 % in this block, as far as there is room."""
        seen = self._log.record.blocks[-1].samples.get(curve.cell.key)
        if seen is None:
            return
        efficiency, (low, high) = seen.efficiency, (curve.octaves[0], curve.octaves[-1])
        step_s = self._step_s[curve.cell.way.baseline.id]
        likely, level = _octave(seen.empty_s / step_s, _LEAST), LEVEL * min(1.0, seen.machine)
        if efficiency[low] >= level and low > _LEAST:
            target = min(likely, low - 1)
        elif efficiency[high] < level and self._may_grow(curve.cell, seen, high, step_s):
            target = max(likely, high + 1)
        else:
            return
        try:
            self._place(curve, target)
        except MeasurementError as error:
            self._give_up(curve, error)
        else:
            self._say(curve)

    @staticmethod
    def _may_grow(cell: Cell, seen: MetgSample, octave: int, step_s: float) -> bool:
        """Whether longer tasks are worth trying: they are not long already compared with what they cost."""
        longer_s = 2 * (1 << octave) * step_s
        within = longer_s * cell.tasks_per_worker <= _LONGEST_STEP_S
        return within and octave < _MOST and longer_s <= _PLATEAU * seen.empty_s


class _NotReadyError(MeasurementError):
    """A case could not be made ready."""

    def __init__(self, status: RowStatus, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.status, self.cure = status, cure


def _trouble(error: MeasurementError) -> tuple[RowStatus, str, str]:
    """Return status, reason and cure of what happened."""
    if isinstance(error, _NotReadyError):
        return error.status, str(error), error.cure
    return ("timeout" if isinstance(error, RoundTimeoutError) else "failed"), str(error), ""


def _octave(steps: float, least: int) -> int:
    """Return the octave nearest to a number of steps, within what is swept."""
    return min(_MOST, max(least, round(math.log2(max(steps, 1.0)))))


def measure(
    request: MetgRequest,
    ways: Sequence[Way],
    cells: Sequence[Cell],
    host: Host,
    log: MetgLog,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> None:
    """Sweep the task size of every cell, in blocks, until the budget is spent; one block at least.

    Parameters
    ----------
    ways : sequence of Way
        All that was asked for; each is a row per pattern.
    cells : sequence of Cell
        What can be measured of them.
    log : MetgLog
        Receives everything; what it has already counts, with the time it took.
    """
    for way in ways:
        for pattern in PATTERNS:
            key = Cell(way=way, pattern=pattern).key
            if key not in log.record.items or not way.available.ok:
                log.put(key, row_of(way, pattern))
    measuring = _Measuring(request, cells, host, log, observer, clock_ns)
    measuring.pilot()
    buy_blocks([measuring], request.budget_s, observer, spent_s=log.record.spent_s, clock_ns=clock_ns)
