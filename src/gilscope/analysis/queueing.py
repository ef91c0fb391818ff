"""Speed-ups without the time that workers queued for a CPU: what the code allows, whoever else uses the machine.

Beside other programs two workers on two CPUs get less than two, and every wall-clock speed-up shrinks: that of code
which scales towards that of code which does not. What they waited for still distinguishes them. A worker that is
runnable without running is in the scheduler's queue; one that waits for the GIL, a lock or its neighbours is not.

Queueing and waiting for the GIL overlap: a waiter wakes up every few milliseconds to request the GIL, and queues for
that while the holder computes. So T' is also no less than the CPU time spent under the GIL, which all threads share.
"""

from __future__ import annotations

from dataclasses import dataclass

from gilscope.analysis.columns import Columns, PerBlock, Role, estimated, ratio, times
from gilscope.analysis.gil import GilActivity
from gilscope.core.cases import Case
from gilscope.core.records import Round, Stamp
from gilscope.core.units import NS_PER_S
from gilscope.stats import Estimate

__all__ = ["GIVEN", "Basis", "basis", "held_alone", "seconds_without_queueing", "speedup_without_queueing"]

GIVEN = 0.85
"""Share of its workers that the control must certainly reach for the machine to count as having given its CPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What findings and gates go by: case and control, both as timed or both without queueing for busy CPUs.

    Parameters
    ----------
    relative_efficiency : Estimate or None
        Speed-up over that of the spin control of as many workers.
    control : Estimate or None
        Speed-up of that control.
    without_queueing : bool
        Whether both are without the time that workers queued for a CPU.
    """

    relative_efficiency: Estimate | None = None
    control: Estimate | None = None
    without_queueing: bool = False

    @property
    def label(self) -> str:
        """How it was taken, where that is not as timed."""
        return "without queueing for busy CPUs" if self.without_queueing else ""


def basis(
    columns: Columns,
    case: Case,
    spin: Case | None,
    as_timed: Estimate | None,
    held: float | None,
    *,
    over_subscribed: bool = False,
) -> Basis:
    """Compare a case with its control, without queueing where the machine did not give the control its CPUs.

    The control alone decides which of the two it is, never the case. Workers beyond the usable CPUs always queue,
    whoever else uses the machine: they are compared as timed. ``as_timed`` is the relative efficiency by the wall
    clock; ``held`` is as for ``speedup_without_queueing``, and None where unknown.
    """
    given = estimated(columns.speedup(spin, "spin")) if spin is not None else None
    timed = Basis(relative_efficiency=as_timed, control=given)
    if spin is None or held is None or over_subscribed or given is None or given.low >= GIVEN * case.workers:
        return timed
    control = speedup_without_queueing(columns, spin, "spin")
    relative = estimated(ratio(speedup_without_queueing(columns, case, held=held), control))
    if relative is None:
        return timed
    return Basis(relative_efficiency=relative, control=estimated(control), without_queueing=True)


def held_alone(case: Case, gil: GilActivity, speedup: Estimate | None, examined: float | None = None) -> float | None:
    """Return the share of its time one worker alone holds a GIL that all of them need; None where it is unknown.

    ``examined`` is that share as sampled on one worker of the user's function before anything was timed.
    """
    if not case.one_gil or gil.enabled is False:
        return 0.0
    if gil.held is None or speedup is None:
        return examined
    return min(1.0, gil.held.value / max(1.0, speedup.value))


def speedup_without_queueing(columns: Columns, case: Case, role: Role = "case", *, held: float = 0.0) -> PerBlock:
    """Return T'(1) / T'(p) per block, T' being the time of the slowest worker without its queueing.

    ``held`` is the share of its time one worker alone holds a GIL that all of them need. Empty where a clock of it was
    not read: other systems than Linux, ``native``, more than 16 workers.
    """

    def seconds(of: Case) -> PerBlock:
        found = {at: seconds_without_queueing(one, of.workers, held) for at, one in columns.rounds_of(of, role).items()}
        return {at: value for at, value in found.items() if value}

    return times(ratio(seconds(case.t1), seconds(case)), case.copies)


def seconds_without_queueing(measured: Round, workers: int, held: float = 0.0) -> float | None:
    """Return the time of the slowest worker per execution, without waiting for others and without queueing.

    Waiting for others at barriers is left out because under a load it is mostly their queueing. Chunks are dealt the
    same way in every execution, so uneven work still shows in the slowest worker's sum. That a resource in use all the
    time bounds the throughput is the utilisation law (Denning & Buzen, The Operational Analysis of Queueing Network
    Models, 1978).
    """
    own_ns = [own for stamp in measured.stamps if (own := _own_ns(stamp)) is not None]
    if len(own_ns) < workers:
        return None
    locked_ns = held * sum(stamp.cpu_ns for stamp in measured.stamps)
    return max(*own_ns, locked_ns) / measured.repeats / NS_PER_S


def _own_ns(stamp: Stamp) -> int | None:
    """Return a worker's time inside compute without its queueing, which is part of what is not CPU time."""
    if stamp.run_queue_ns is None:
        return None
    compute_ns = stamp.end_ns - stamp.start_ns - stamp.waiting_ns - stamp.waking_ns
    return compute_ns - min(stamp.run_queue_ns, max(0, compute_ns - stamp.cpu_ns))
