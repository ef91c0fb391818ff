"""Measuring: where each cell's curve crosses 50 % roughly, then blocks of the points around it."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gilscope import clocks
from gilscope.cases import Case, Slot
from gilscope.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.calibrate import calibrate, timeout_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Host, Lead
from gilscope.records import Round, Status
from gilscope.stats import MIN_BLOCKS
from gilscope.studies.metg.ways import BASELINE_STEPS, Cell, Request

__all__ = ["LEVEL", "Curve", "Sweep", "measure"]

LEVEL = 0.5
"""Efficiency that counts as effective: the 50 % in METG(50 %)."""

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
_ESTIMATE_MARGIN = 1.1  # a block that does not fit into the budget is not begun


@dataclass(slots=True, kw_only=True)
class _Point:
    """A case made ready, with its repeats per round and the expected length of a round in seconds."""

    case: Case
    repeats: int
    round_s: float


@dataclass(slots=True, kw_only=True)
class Curve:
    """What is known of a cell.

    Parameters
    ----------
    octaves : tuple of int
        Its task sizes in the next block: 2**octave steps of the probe. Empty: it is given up.
    empty : list of float, shape (n_blocks,), seconds
        Workers x wall per task without work.
    granularity : list of mapping of octave to seconds, shape (n_blocks,)
        Workers x wall per task.
    machine : list of float, shape (n_blocks,)
        Efficiency of so many workers with long tasks in the same block; 1 for a single worker and where nobody knows.
    efficiency : list of mapping of octave to float, shape (n_blocks,)
        Early blocks may have other octaves than later ones.
    """

    cell: Cell
    status: Status = "ok"
    reason: str = ""
    cure: str = ""
    octaves: tuple[int, ...] = ()
    empty: list[float] = field(default_factory=list)
    granularity: list[dict[int, float]] = field(default_factory=list)
    machine: list[float] = field(default_factory=list)
    efficiency: list[dict[int, float]] = field(default_factory=list)
    points: dict[int | None, _Point] = field(default_factory=dict)

    def fail(self, status: Status, reason: str, cure: str = "") -> None:
        """Give the cell up, with what is said about it."""
        self.status, self.reason, self.cure = status, reason, cure
        self.octaves = ()


@dataclass(slots=True, kw_only=True)
class Sweep:
    """What was measured: a curve per cell, seconds per step of the probe, and what the machine gave."""

    curves: list[Curve]
    blocks: int = 0
    step_s: list[float] = field(default_factory=list)
    spin: list[float] = field(default_factory=list)
    interrupted: bool = False


@dataclass(slots=True, kw_only=True)
class _Seen:
    """One block while it is measured: seconds per step by baseline, workers x wall per task by curve and octave."""

    baselines: dict[str, list[float]] = field(default_factory=dict)
    tasks: dict[int, dict[int | None, float]] = field(default_factory=dict)
    control: list[float] = field(default_factory=list)

    def step_s(self, cell: Cell) -> float | None:
        """Return the serial seconds per step that a cell is held against."""
        rounds = self.baselines.get(cell.way.baseline.id)
        return statistics.median(rounds) if rounds else None


class _Measuring:
    """The state of one measurement: see `measure`."""

    def __init__(self, request: Request, cells: Sequence[Cell], host: Host, observer: Observer) -> None:
        self._request, self._host, self._observer = request, host, observer
        self.sweep = Sweep(curves=[Curve(cell=cell) for cell in cells])
        self._baselines: dict[str, _Point] = {}
        self._step_s: dict[str, float] = {}
        self._control: _Point | None = None
        self._control_steps = BASELINE_STEPS
        self._machine = 1.0  # efficiency of long tasks while curves are placed

    # Finding the place ------------------------------------------------------------------------------------------------

    def pilot(self) -> None:
        """Make the baselines ready, then find each cell's crossing roughly."""
        self._make_control()
        for done, curve in enumerate(self.sweep.curves):
            self._observer.preparing(curve.cell.case(0), done, len(self.sweep.curves))
            try:
                self._find(curve)
            except MeasurementError as error:
                curve.fail(*_trouble(error))
        self._trim()

    def _find(self, curve: Curve) -> None:
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

    def _place(self, curve: Curve, octave: int, highest: int = _MOST) -> None:
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

    def _ready(self, curve: Curve, octave: int | None, *, look: bool = True) -> _Point:
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
        slot = Slot(case=case)
        record = self._host.prepare(slot)
        if record.status != "ok":
            raise _NotReadyError(record.status, record.reason, record.cure)
        repeats, round_s = calibrate(self._host, slot, record.first_ns / 1e9, round_s=ROUND_S)
        return _Point(case=case, repeats=repeats, round_s=round_s)

    @staticmethod
    def _per_task_s(cell: Cell, point: _Point) -> float:
        return cell.way.workers * point.round_s / point.repeats / cell.tasks

    def _make_control(self) -> None:
        """Make ready what shows what the machine gives to p workers: long tasks of the first way that deals them."""
        steps = [curve.cell for curve in self.sweep.curves if curve.cell.pattern == "steps"]
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
        while MIN_BLOCKS * self.block_s() > self._request.budget_s:
            spare = [curve for curve in self._live() if len(curve.octaves) > _REACH + 1 + _LEAST_REACH]
            if not spare:
                return
            dearest = max(spare, key=lambda curve: curve.points[curve.octaves[-1]].round_s)
            dearest.octaves = dearest.octaves[:-1]

    # Blocks -----------------------------------------------------------------------------------------------------------

    def block_s(self) -> float:
        """Return about how long a block takes."""
        points = [point for curve in self._live() for point in self._points_of(curve).values()]
        controls = [point for point in self._baselines.values() for _ in range(_CONTROL_ROUNDS)]
        return sum(point.round_s * (1 + 1 / _LEAD_SHARE) for point in [*points, *controls])

    def block(self) -> None:
        """Measure one round of every point, in random order."""
        seen = _Seen()
        order = list(self._turns(seen))
        random.Random(f"{self._request.seed}/metg/{self.sweep.blocks}").shuffle(order)
        for take in order:
            take()
        self._keep(seen)
        self.sweep.blocks += 1
        if self.sweep.blocks <= _SHIFTS_UNTIL:
            for curve in list(self._live()):
                self._shift(curve)

    def _live(self) -> Iterator[Curve]:
        return (curve for curve in self.sweep.curves if curve.octaves)

    @staticmethod
    def _points_of(curve: Curve) -> dict[int | None, _Point]:
        return {octave: curve.points[octave] for octave in (None, *curve.octaves)}

    def _turns(self, seen: _Seen) -> Iterator[Callable[[], None]]:
        """Yield what a block consists of."""
        for name, point in self._baselines.items():
            for _ in range(_CONTROL_ROUNDS):
                yield lambda name=name, point=point: self._take_baseline(seen, name, point)  # type: ignore[misc]
        for number, curve in enumerate(self.sweep.curves):
            if curve.octaves:
                for octave, point in self._points_of(curve).items():
                    yield lambda n=number, o=octave, p=point: self._take(seen, n, o, p)  # type: ignore[misc]
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

    def _take(self, seen: _Seen, number: int, octave: int | None, point: _Point) -> None:
        curve = self.sweep.curves[number]
        if not curve.octaves:  # has failed in this block
            return
        try:
            wall_s = self._round(point).wall_ns / 1e9
        except MeasurementError as error:
            curve.fail(*_trouble(error))
            self._observer.message(f"{curve.cell.way.label}: {error}")
            return
        cell = curve.cell
        seen.tasks.setdefault(number, {})[octave] = cell.way.workers * wall_s / point.repeats / cell.tasks

    def _keep(self, seen: _Seen) -> None:
        """Add a block that has come to its end."""
        chunked = next((rounds for name, rounds in seen.baselines.items() if "@serial" in name), None)
        spin: float | None = None
        if chunked is not None:
            self.sweep.step_s.append(statistics.median(chunked))
            if seen.control:
                spin = self.sweep.step_s[-1] * self._control_steps / statistics.median(seen.control)
                self.sweep.spin.append(spin)
        for number, tasks in seen.tasks.items():
            curve = self.sweep.curves[number]
            step_s = seen.step_s(curve.cell)
            if not curve.octaves or step_s is None:
                continue
            curve.empty.append(tasks[None])
            sizes = {octave: tasks[octave] for octave in curve.octaves}
            curve.granularity.append(sizes)
            curve.machine.append(spin if spin is not None and curve.cell.way.workers > 1 else 1.0)
            curve.efficiency.append({octave: (1 << octave) * step_s / each_s for octave, each_s in sizes.items()})

    def _shift(self, curve: Curve) -> None:
        """Move a curve that did not cross 50 % in this block, as far as there is room."""
        efficiency, (low, high) = curve.efficiency[-1], (curve.octaves[0], curve.octaves[-1])
        step_s = self._step_s[curve.cell.way.baseline.id]
        likely, level = _octave(curve.empty[-1] / step_s, _LEAST), LEVEL * min(1.0, curve.machine[-1])
        if efficiency[low] >= level and low > _LEAST:
            target = min(likely, low - 1)
        elif efficiency[high] < level and self._may_grow(curve, high, step_s):
            target = max(likely, high + 1)
        else:
            return
        try:
            self._place(curve, target)
        except MeasurementError as error:
            curve.fail(*_trouble(error))

    @staticmethod
    def _may_grow(curve: Curve, octave: int, step_s: float) -> bool:
        """Whether longer tasks are worth trying: they are not long already compared with what they cost."""
        longer_s = 2 * (1 << octave) * step_s
        within = longer_s * curve.cell.tasks_per_worker <= _LONGEST_STEP_S
        return within and octave < _MOST and longer_s <= _PLATEAU * curve.empty[-1]


class _NotReadyError(MeasurementError):
    """A case could not be made ready."""

    def __init__(self, status: Status, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.status, self.cure = status, cure


def _trouble(error: MeasurementError) -> tuple[Status, str, str]:
    """Return status, reason and cure of what happened."""
    if isinstance(error, _NotReadyError):
        return error.status, str(error), error.cure
    return ("timeout" if isinstance(error, RoundTimeoutError) else "failed"), str(error), ""


def _octave(steps: float, least: int) -> int:
    """Return the octave nearest to a number of steps, within what is swept."""
    return min(_MOST, max(least, round(math.log2(max(steps, 1.0)))))


def measure(
    request: Request,
    cells: Sequence[Cell],
    host: Host,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> Sweep:
    """Sweep the task size of every cell, in blocks, until the budget is spent.

    Returns
    -------
    Sweep
        One block at least, unless it was interrupted (Ctrl-C) before.
    """
    measuring = _Measuring(request, cells, host, observer)
    sweep = measuring.sweep
    try:
        measuring.pilot()
        begin, block_s = clock_ns(), measuring.block_s()
        while any(curve.octaves for curve in sweep.curves):
            started = clock_ns()
            spent_s = (started - begin) / 1e9
            if sweep.blocks and spent_s + block_s * _ESTIMATE_MARGIN > request.budget_s:
                break
            measuring.block()
            block_s = (clock_ns() - started) / 1e9
            spent_s = (clock_ns() - begin) / 1e9
            left_s = max(0.0, request.budget_s - spent_s)
            observer.block_done("metg", sweep.blocks, None, spent_s, left_s, spent_s)
    except KeyboardInterrupt:
        sweep.interrupted = True
    return sweep
