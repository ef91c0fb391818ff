"""Where each cell's curve crosses 50 % roughly, and the points around it, made ready to be measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.core.records import Round
from gilscope.measure.calibrate import calibrate, timeout_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Host, Lead
from gilscope.studies.document import RowStatus
from gilscope.studies.metg.model import LEVEL
from gilscope.studies.metg.rows import MetgPlan, MetgSample, PointPlan
from gilscope.studies.metg.ways import BASELINE_STEPS, MetgCell

__all__ = ["LEAD_SHARE", "REACH", "Curve", "Placing", "Point", "trouble_of"]

ROUND_S = 0.02
"""Shortest round. Short ones scatter, but where the curve crosses 50 % an error of 5 points moves the crossing by a
fifth only, and 20 ms let a block have 150 rounds in a few seconds."""

LEAD_SHARE = 4  # a lead-in is a quarter of a round: 5 ms
REACH = 3  # octaves of task size to either side of the crossing
_LEAST, _MOST = 4, 28  # octaves: 16 steps are less than a function call, 2**28 take a quarter of a second
_LONGEST_STEP_S = 1.0  # of the tasks of a worker between two meetings
_PLATEAU = 32.0  # tasks so many times as long as their overhead have 97 % of the efficiency they can ever have
_LOOKS = 3  # rounds that place a curve: what disturbs one only makes it longer, so the shortest counts


@dataclass(slots=True, kw_only=True)
class Point:
    """A case made ready, with its repeats per round and the expected length of a round in seconds."""

    case: Case
    repeats: int
    round_s: float


@dataclass(slots=True, kw_only=True)
class Curve:
    """A cell while it is measured.

    Parameters
    ----------
    octaves : tuple of int
        Its task sizes in the next block: 2**octave steps of the probe. Empty: it is given up.
    points : mapping of octave to Point
        None stands for tasks without work.
    """

    cell: MetgCell
    octaves: tuple[int, ...] = ()
    points: dict[int | None, Point] = field(default_factory=dict)

    @property
    def plan(self) -> MetgPlan | None:
        """What it takes to go on."""
        if not self.octaves:
            return None
        plans = {octave: PointPlan(repeats=p.repeats, round_s=p.round_s) for octave, p in self.points.items()}
        points = {octave: plans[octave] for octave in self.octaves}
        return MetgPlan(octaves=self.octaves, empty=plans[None], points=points)


class Placing:
    """Points made ready on a host: of curves, of the serial baselines they are held against, and of the control.

    Attributes
    ----------
    baselines : dict of case id to Point
    step_s : dict of case id to float
        Seconds per step of the probe in each baseline.
    control : Point or None
        Long tasks on all workers; None where no way deals them.
    control_steps : int
        Of the probe, per task of the control.
    """

    def __init__(self, host: Host, observer: Observer) -> None:
        self._host, self._observer = host, observer
        self.baselines: dict[str, Point] = {}
        self.step_s: dict[str, float] = {}
        self.control: Point | None = None
        self.control_steps = BASELINE_STEPS
        self._machine = 1.0  # efficiency of long tasks while curves are placed

    def take_up(self, curve: Curve, known: MetgPlan) -> None:
        """Make a curve ready where it was."""
        self._serial_step_s(curve.cell)
        for octave, plan in [(None, known.empty), *known.points.items()]:
            case = curve.cell.case(0 if octave is None else 1 << octave)
            self._made_ready(case)
            curve.points[octave] = Point(case=case, repeats=plan.repeats, round_s=plan.round_s)
        curve.octaves = known.octaves

    def find(self, curve: Curve) -> None:
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
        low, high = max(_LEAST, octave - REACH), min(max(highest, octave), octave + REACH)
        for wanted in range(low, high + 1):
            self._ready(curve, wanted, look=False)
        curve.octaves = tuple(range(low, high + 1))

    def _serial_step_s(self, cell: MetgCell) -> float:
        case = cell.way.baseline
        if case.id not in self.baselines:
            point = self.baselines[case.id] = self._looked_at(self._point(case))
            self.step_s[case.id] = point.round_s / point.repeats / BASELINE_STEPS
        return self.step_s[case.id]

    def _ready(self, curve: Curve, octave: int | None, *, look: bool = True) -> Point:
        """Return a point of a curve, made ready when it is first asked for."""
        if octave not in curve.points:
            point = self._point(curve.cell.case(0 if octave is None else 1 << octave))
            curve.points[octave] = self._looked_at(point) if look else point
        return curve.points[octave]

    def _looked_at(self, point: Point) -> Point:
        """Run a point a few times more; return it with the length of its shortest round."""
        walls = [self.run(point).wall_ns / 1e9 for _ in range(_LOOKS)]
        return Point(case=point.case, repeats=point.repeats, round_s=min(*walls, point.round_s))

    def _point(self, case: Case) -> Point:
        """Make a case ready.

        Raises
        ------
        MeasurementError
            If it cannot be measured.
        """
        first_s = self._made_ready(case)
        repeats, round_s = calibrate(self._host, Slot(case=case), first_s, round_s=ROUND_S)
        return Point(case=case, repeats=repeats, round_s=round_s)

    def _made_ready(self, case: Case) -> float:
        """Prepare a case; return what it took the first time, in seconds."""
        record = self._host.prepare(Slot(case=case))
        if record.status != "ok":
            raise _NotReadyError(record.status, record.reason, record.cure)  # type: ignore[arg-type]
        return record.first_ns / 1e9

    @staticmethod
    def _per_task_s(cell: MetgCell, point: Point) -> float:
        return cell.way.workers * point.round_s / point.repeats / cell.tasks

    def make_control(self, cells: Sequence[MetgCell]) -> None:
        """Make ready what shows what the machine gives to p workers: long tasks of the first way that deals them."""
        steps = [cell for cell in cells if cell.pattern == "steps"]
        for cell in [cell for cell in steps if cell.way.dispatch == "static"]:
            try:
                step_s = self._serial_step_s(cell)
                overhead_s = self._per_task_s(cell, self._looked_at(self._point(cell.case(0))))
                self.control_steps = max(BASELINE_STEPS, 1 << _octave(_PLATEAU * overhead_s / step_s, _LEAST))
                self.control = self._looked_at(self._point(cell.case(self.control_steps)))
            except MeasurementError as error:
                self._observer.message(f"no control by {cell.way.label}: {error}")
                continue
            self._machine = min(1.0, step_s * self.control_steps * self.control.repeats / self.control.round_s)
            return

    def _machine_of(self, cell: MetgCell) -> float:
        """Return what the machine gave to the workers of a cell while curves were placed."""
        return self._machine if cell.way.workers > 1 else 1.0

    def shift(self, curve: Curve, seen: MetgSample) -> bool:
        """Move a curve that did not cross 50 % in a block, as far as there is room; return whether it was moved.

        Raises
        ------
        MeasurementError
            If a point cannot be measured.
        """
        efficiency, (low, high) = seen.efficiency, (curve.octaves[0], curve.octaves[-1])
        step_s = self.step_s[curve.cell.way.baseline.id]
        likely, level = _octave(seen.empty_s / step_s, _LEAST), LEVEL * min(1.0, seen.machine)
        if efficiency[low] >= level and low > _LEAST:
            self._place(curve, min(likely, low - 1))
        elif efficiency[high] < level and _may_grow(curve.cell, seen, high, step_s):
            self._place(curve, max(likely, high + 1))
        else:
            return False
        return True

    def run(self, point: Point) -> Round:
        lead = Lead(repeats=max(1, point.repeats // LEAD_SHARE))
        return self._host.run_round(Slot(case=point.case), point.repeats, lead, timeout_of(point.round_s))


class _NotReadyError(MeasurementError):
    """A case could not be made ready."""

    def __init__(self, status: RowStatus, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.status, self.cure = status, cure


def trouble_of(error: MeasurementError) -> tuple[RowStatus, str, str]:
    """Return status, reason and cure of what happened."""
    if isinstance(error, _NotReadyError):
        return error.status, str(error), error.cure
    return ("timeout" if isinstance(error, RoundTimeoutError) else "failed"), str(error), ""


def _may_grow(cell: MetgCell, seen: MetgSample, octave: int, step_s: float) -> bool:
    """Whether longer tasks are worth trying: they are not long already compared with what they cost."""
    longer_s = 2 * (1 << octave) * step_s
    within = longer_s * cell.tasks_per_worker <= _LONGEST_STEP_S
    return within and octave < _MOST and longer_s <= _PLATEAU * seen.empty_s


def _octave(steps: float, least: int) -> int:
    """Return the octave nearest to a number of steps, within what is swept."""
    return min(_MOST, max(least, round(math.log2(max(steps, 1.0)))))
