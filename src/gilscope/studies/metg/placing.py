"""Where each cell's curve crosses 50 % roughly, and the points around it, prepared to be measured."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gilscope.analysis.net import Sharing, net_bounds
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.core.units import NS_PER_S
from gilscope.measure.calibrate import calibrate, timeout_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Lead, SupervisedHost
from gilscope.stats import Estimate
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import LEVEL, UNREACHABLE, crossing_s
from gilscope.studies.metg.rows import Length, MetgPlan, MetgSample, PointPlan
from gilscope.studies.metg.ways import BASELINE_STEPS, MetgCell

ROUND_S = 0.01
"""Shortest round. Short ones scatter, but where the curve crosses 50 % an error of 5 points moves the crossing by a
fifth only, and many short blocks narrow the interval more than few long ones."""

LEAD_SHARE = 4  # a lead-in is a quarter of a round
REACH = 1  # octaves of task size to either side of the crossing: efficiency of a third and two thirds
_LEAST, _MOST = 4, 28  # octaves: 16 steps are less than a function call, 2**28 take a quarter of a second
_LONGEST_STEP_S = 0.5  # of the tasks of a worker between two meetings
_PLATEAU = 32.0  # tasks so many times as long as their overhead have 97 % of the efficiency they can ever have
_TRIALS = 3  # rounds that place a curve: disturbance only makes them longer, so the shortest counts
_LONG = 5.0  # times a round should take from which one more places a curve well enough
_INSIDE = 0.25  # octaves from its smallest and largest size up to which a curve is moved
_WIDEST = 6  # sizes of a curve whose blocks differ much
_MOVES = 8  # a curve that is still off centre stays where it is


@dataclass(slots=True, kw_only=True)
class Curve:
    """A cell while it is measured."""

    cell: MetgCell
    octaves: tuple[int, ...] = ()  # task sizes in the next block: 2**octave steps of the probe; empty: given up
    points: dict[int | None, PointPlan] = field(default_factory=dict)  # prepared; None: tasks without work
    spent_s: float = 0.0  # in its last block, with what is around its rounds
    moves: int = 0
    decided: bool = False  # more blocks would be of no use

    def case(self, octave: int | None) -> Case:
        """Return the case of a point."""
        return self.cell.case(0 if octave is None else 1 << octave)

    @property
    def plan(self) -> MetgPlan | None:
        """What it takes to resume."""
        if not self.octaves:
            return None
        points = {octave: self.points[octave] for octave in self.octaves}
        return MetgPlan(octaves=self.octaves, empty=self.points[None], points=points)

    @property
    def block_s(self) -> float:
        """How long it takes in a block."""
        rounds_s = sum(self.points[octave].round_s for octave in (None, *self.octaves))
        return self.spent_s or rounds_s * (1 + 1 / LEAD_SHARE)


class Placing:
    """Points prepared on a host: of curves, of their serial baselines, and of the control."""

    def __init__(self, host: SupervisedHost, observer: Observer, cpus: int | None = None) -> None:
        self._host, self._observer, self._cpus = host, observer, cpus
        self.baselines: dict[Case, PointPlan] = {}
        self.control: tuple[Case, PointPlan] | None = None  # long tasks on all workers; None where no way deals them
        self.control_steps = BASELINE_STEPS  # of the probe, per task
        self.machine = 1.0  # efficiency of long tasks, net where that is known

    def take_up(self, curve: Curve, known: MetgPlan) -> None:
        """Prepare a curve where it was."""
        self._serial_step_s(curve.cell)
        for octave, point in [(None, known.empty), *known.points.items()]:
            self._prepare(curve.case(octave))
            curve.points[octave] = point
        curve.octaves = known.octaves

    def find(self, curve: Curve) -> None:
        """Prepare a curve around the octave where it crosses 50 %, looked for from where overhead equals work."""
        cell = curve.cell
        step_s = self._serial_step_s(cell)
        overhead_s = cell.per_task_s(self._ready(curve, None).round_s, curve.points[None].repeats)
        highest = _highest(cell, overhead_s, step_s)
        octave = min(highest, _octave(overhead_s / step_s, _LEAST))
        level = LEVEL * (self.machine if self._relative(cell) else 1.0)
        excess: dict[int, float] = {}  # of efficiency over the level, by octave
        while True:
            point = self._ready(curve, octave)
            excess[octave] = (1 << octave) * step_s / cell.per_task_s(point.round_s, point.repeats) - level
            octave += 1 if excess[octave] < 0 else -1
            if octave in excess or not _LEAST <= octave <= highest:
                break
        nearest = min(excess, key=lambda known: abs(excess[known]))
        self._place(curve, nearest, highest)

    def _relative(self, cell: MetgCell) -> bool:
        """Whether half of what the machine gives is looked for, because no executor gets to half of p serial loops."""
        return cell.way.workers > 1 and self.machine < UNREACHABLE

    def _place(self, curve: Curve, octave: int, highest: int) -> None:
        """Prepare the points of a curve around an octave."""
        middle = max(_LEAST + REACH, min(octave, highest - REACH))
        octaves = tuple(range(middle - REACH, middle + REACH + 1))
        for wanted in octaves:
            self._ready(curve, wanted, trials=0)
        curve.octaves = octaves

    def _serial_step_s(self, cell: MetgCell) -> float:
        """Return the seconds per step of the probe in a cell's baseline."""
        case = cell.way.baseline
        if case not in self.baselines:
            self.baselines[case] = self._point(case)
        point = self.baselines[case]
        return point.round_s / point.repeats / BASELINE_STEPS

    def _ready(self, curve: Curve, octave: int | None, trials: int = _TRIALS) -> PointPlan:
        """Return a point of a curve, prepared when it is first wanted."""
        if octave not in curve.points:
            curve.points[octave] = self._point(curve.case(octave), trials)
        return curve.points[octave]

    def _point(self, case: Case, trials: int = _TRIALS) -> PointPlan:
        """Prepare a case; its round is as long as the shortest of some trials."""
        repeats, round_s = calibrate(self._host, Slot(case=case), self._prepare(case), round_s=ROUND_S)
        point = PointPlan(repeats=repeats, round_s=round_s)
        more = trials if round_s < _LONG * ROUND_S else min(trials, 1)
        shortest_s = min([round_s, *(self.run(case, point).best for _ in range(more))])
        return resized(point, shortest_s)

    def _prepare(self, case: Case) -> float:
        """Prepare a case; return what it took the first time, in seconds."""
        record = self._host.prepare(Slot(case=case))
        if record.status != "ok":
            raise _NotReadyError(record.status, record.reason, record.cure)  # type: ignore[arg-type]
        return record.first_ns / 1e9

    def work_s(self, curve: Curve, octave: int | None, point: PointPlan) -> float:
        """Return how long a worker computes in a round of a point."""
        tasks = 0 if octave is None else point.repeats * curve.cell.tasks_per_worker
        return tasks * (1 << (octave or 0)) * self._serial_step_s(curve.cell)

    def make_control(self, cells: Sequence[MetgCell]) -> None:
        """Prepare what shows what the machine gives to p workers: long tasks of the first way that deals them."""
        for cell in cells:
            if cell.pattern != "steps" or cell.way.dispatch != "static":
                continue
            try:
                step_s, empty = self._serial_step_s(cell), self._point(cell.case(0))
                overhead_s = cell.per_task_s(empty.round_s, empty.repeats)
                self.control_steps = max(BASELINE_STEPS, 1 << _octave(_PLATEAU * overhead_s / step_s, _LEAST))
                case = cell.case(self.control_steps)
                point = self._point(case)
            except MeasurementError as error:
                self._observer.message(f"no control by {cell.way.label}: {error}")
                continue
            self.control = case, point
            self.machine = step_s * self.control_steps * point.repeats / point.round_s
            return

    def shift(self, curve: Curve, samples: Sequence[MetgSample]) -> bool:
        """Move a curve whose crossing is not in the middle of its sizes, if there is room; return whether it moved."""
        step_s, here = self._serial_step_s(curve.cell), curve.octaves
        found = [one.net or one.timed for one in samples]
        relative = self._relative(curve.cell)
        steps = statistics.median(crossing_s(one, relative=relative)[0] for one in found) / step_s
        if curve.moves >= _MOVES or here[0] + _INSIDE < math.log2(steps) < here[-1] - _INSIDE:
            return False
        empty = curve.points[None]
        overhead_s = curve.cell.per_task_s(empty.round_s, empty.repeats)
        if steps < 1 << here[0]:  # long tasks tell little of what they cost
            steps = min(steps, overhead_s / step_s)
        highest = max(here[-1], _highest(curve.cell, overhead_s, step_s))
        self._place(curve, _octave(steps, _LEAST), highest)
        curve.moves += 1
        return curve.octaves != here

    def widen(self, curve: Curve, found: Estimate) -> bool:
        """Add sizes where the interval of a curve is open, if there is room; return whether there was."""
        here, each_s = curve.octaves, self._serial_step_s(curve.cell) * curve.cell.tasks_per_worker
        if len(here) >= _WIDEST:
            return False
        lower = [here[0] - 1] * (math.isinf(found.low) and here[0] > _LEAST)
        longest = min(_MOST, _octave(_LONGEST_STEP_S / each_s, _LEAST))
        upper = [here[-1] + 1] * (math.isinf(found.high) and here[-1] < longest)
        for octave in (*lower, *upper):
            self._ready(curve, octave, trials=0)
        curve.octaves = (*lower, *here, *upper)
        return curve.octaves != here

    def run(self, case: Case, point: PointPlan, work_s: float = math.inf) -> Length:
        """Run a round; return how long it took.

        What threads compute beyond ``work_s``, the work of each, may be Python's, under the GIL.
        """
        lead = Lead(repeats=point.repeats // LEAD_SHARE)
        if not lead.repeats:
            lead = Lead(repeats=1, limit=max(1, point.repeats * case.chunks_per_worker // LEAD_SHARE))
        found = self._host.run_round(Slot(case=case), point.repeats, lead, timeout_of(point.round_s))
        beyond_ns = sum(stamp.cpu_ns for stamp in found.stamps) / case.workers - work_s * NS_PER_S
        held = max(0.0, beyond_ns / (found.net_ns or found.wall_ns)) if case.executor == "threads" else 0.0
        sharing = Sharing(held=min(1.0, held), cpus=self._cpus)
        bounds = net_bounds(found, case, sharing)
        net = None if bounds is None else tuple(max(bound, 1.0) / NS_PER_S for bound in bounds)
        return Length(wall=found.wall_ns / NS_PER_S, net=net)


class _NotReadyError(MeasurementError):
    """A case could not be prepared."""

    def __init__(self, status: RowStatus, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.status, self.cure = status, cure


def trouble_of(error: MeasurementError) -> tuple[RowStatus, str, str]:
    """Return status, reason and fix of a failure."""
    if isinstance(error, _NotReadyError):
        return error.status, str(error), error.cure
    return ("timeout" if isinstance(error, RoundTimeoutError) else "failed"), str(error), ""


def resized(point: PointPlan, round_s: float) -> PointPlan:
    """Return how a case is measured next time, when a round took so long: what calibrates a round may be disturbed."""
    if ROUND_S / 1.5 < round_s < 3 * ROUND_S:
        return replace(point, round_s=round_s)
    factor = min(4.0, ROUND_S / round_s)
    repeats = max(1, round(point.repeats * factor))
    return PointPlan(repeats=repeats, round_s=round_s * repeats / point.repeats)


def _highest(cell: MetgCell, overhead_s: float, step_s: float) -> int:
    """Return the octave above which tasks are long already compared with what they cost, or take too long."""
    longest_s = min(_PLATEAU * overhead_s, _LONGEST_STEP_S / cell.tasks_per_worker)
    return _octave(longest_s / step_s, _LEAST + 2 * REACH)


def _octave(steps: float, least: int) -> int:
    """Return the octave nearest to a number of steps, within what is swept."""
    return min(_MOST, max(least, round(math.log2(max(steps, 1.0)))))
