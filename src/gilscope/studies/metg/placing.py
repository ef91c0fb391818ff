"""Where each cell's curve crosses 50 % roughly, and the points around it, prepared to be measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.calibrate import calibrate, timeout_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Lead, SupervisedHost
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import LEVEL
from gilscope.studies.metg.rows import MetgPlan, MetgSample, PointPlan
from gilscope.studies.metg.ways import BASELINE_STEPS, MetgCell

ROUND_S = 0.02
"""Shortest round. Short ones scatter, but where the curve crosses 50 % an error of 5 points moves the crossing by a
fifth only, and 20 ms let a block have 150 rounds in a few seconds."""

LEAD_SHARE = 4  # a lead-in is a quarter of a round: 5 ms
REACH = 3  # octaves of task size to either side of the crossing
_LEAST, _MOST = 4, 28  # octaves: 16 steps are less than a function call, 2**28 take a quarter of a second
_LONGEST_STEP_S = 1.0  # of the tasks of a worker between two meetings
_PLATEAU = 32.0  # tasks so many times as long as their overhead have 97 % of the efficiency they can ever have
_TRIALS = 3  # rounds that place a curve: disturbance only makes them longer, so the shortest counts


@dataclass(slots=True, kw_only=True)
class Curve:
    """A cell while it is measured."""

    cell: MetgCell
    octaves: tuple[int, ...] = ()  # task sizes in the next block: 2**octave steps of the probe; empty: given up
    points: dict[int | None, PointPlan] = field(default_factory=dict)  # prepared; None: tasks without work

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


class Placing:
    """Points prepared on a host: of curves, of their serial baselines, and of the control."""

    def __init__(self, host: SupervisedHost, observer: Observer) -> None:
        self._host, self._observer = host, observer
        self.baselines: dict[Case, PointPlan] = {}
        self.control: tuple[Case, PointPlan] | None = None  # long tasks on all workers; None where no way deals them
        self.control_steps = BASELINE_STEPS  # of the probe, per task
        self._machine = 1.0  # efficiency of long tasks while curves are placed

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
        highest = min(_MOST, _octave(_PLATEAU * overhead_s / step_s, _LEAST + 1))
        highest = min(highest, _octave(_LONGEST_STEP_S / cell.tasks_per_worker / step_s, _LEAST + 1))
        octave = min(highest, _octave(overhead_s / step_s, _LEAST))
        level = LEVEL * (self._machine if cell.way.workers > 1 else 1.0)
        rising: bool | None = None
        while True:
            point = self._ready(curve, octave)
            enough = (1 << octave) * step_s / cell.per_task_s(point.round_s, point.repeats) >= level
            if rising is None:
                rising = not enough
            if enough == rising or not _LEAST < octave < highest:
                break
            octave += 1 if rising else -1
        self._place(curve, octave, highest)

    def _place(self, curve: Curve, octave: int, highest: int = _MOST) -> None:
        """Prepare the points of a curve around an octave."""
        low, high = max(_LEAST, octave - REACH), min(max(highest, octave), octave + REACH)
        for wanted in range(low, high + 1):
            self._ready(curve, wanted, trials=0)
        curve.octaves = tuple(range(low, high + 1))

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
        return replace(point, round_s=min([round_s, *(self.run_s(case, point) for _ in range(trials))]))

    def _prepare(self, case: Case) -> float:
        """Prepare a case; return what it took the first time, in seconds."""
        record = self._host.prepare(Slot(case=case))
        if record.status != "ok":
            raise _NotReadyError(record.status, record.reason, record.cure)  # type: ignore[arg-type]
        return record.first_ns / 1e9

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
            self._machine = min(1.0, step_s * self.control_steps * point.repeats / point.round_s)
            return

    def shift(self, curve: Curve, sample: MetgSample) -> bool:
        """Move a curve that did not cross 50 % in a block, as far as there is room; return whether it was moved."""
        efficiency, (low, high) = sample.efficiency, (curve.octaves[0], curve.octaves[-1])
        step_s = self._serial_step_s(curve.cell)
        likely, level = _octave(sample.empty_s / step_s, _LEAST), LEVEL * min(1.0, sample.machine)
        if efficiency[low] >= level and low > _LEAST:
            self._place(curve, min(likely, low - 1))
        elif efficiency[high] < level and _may_grow(curve.cell, sample, high, step_s):
            self._place(curve, max(likely, high + 1))
        else:
            return False
        return True

    def run_s(self, case: Case, point: PointPlan) -> float:
        """Run a round; return its wall time in seconds."""
        lead = Lead(repeats=max(1, point.repeats // LEAD_SHARE))
        return self._host.run_round(Slot(case=case), point.repeats, lead, timeout_of(point.round_s)).wall_ns / 1e9


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


def _may_grow(cell: MetgCell, sample: MetgSample, octave: int, step_s: float) -> bool:
    """Whether longer tasks are worth trying: they are not long already compared with what they cost."""
    longer_s = 2 * (1 << octave) * step_s
    within = longer_s * cell.tasks_per_worker <= _LONGEST_STEP_S
    return within and octave < _MOST and longer_s <= _PLATEAU * sample.empty_s


def _octave(steps: float, least: int) -> int:
    """Return the octave nearest to a number of steps, within what is swept."""
    return min(_MOST, max(least, round(math.log2(max(steps, 1.0)))))
