"""Executors with a known price per task: one on a clock that only counts, one that really computes and really waits."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field, replace

from gilscope import kernels
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import WorkerRaisedError
from gilscope.core.records import CaseRecord, Round, Stamp
from gilscope.core.spec import Availability
from gilscope.kernels.spin.spec import KERNEL
from gilscope.measure.host import Lead
from gilscope.studies.metg import Contender

STEP_S = 1e-9
_MEMORY = 0.5 ** (1 / 14)
HERE = Availability(ok=True)


def way(label: str, executor: str = "threads", *, dispatch="static", workers: int = 2, available=HERE) -> Contender:
    return Contender(
        label=label,
        executor=executor,
        implementation="cy_nogil",
        dispatch=dispatch,
        workers=workers,
        available=available,
    )


def as_round(repeats: int, wall_s: float) -> Round:
    return Round(repeats=repeats, start_ns=0, end_ns=max(1, round(wall_s * 1e9)))


def beside_others(found: Round, taken_s: float) -> Round:
    """Make a round longer by what other programs take of each worker, which its clocks tell."""
    taken_ns = round(taken_s * 1e9)
    stamps = (Stamp(submit_ns=0, start_ns=0, end_ns=found.end_ns + taken_ns, cpu_ns=1, run_queue_ns=taken_ns),)
    return replace(found, end_ns=found.end_ns + taken_ns, net_ns=found.wall_ns, stamps=stamps, switches=0)


@dataclass
class CountingHost:
    """Adds up what a round would take: per task its steps and the price of its executor, per meeting one more price."""

    per_task_s: dict[str, float]
    per_meeting_s: dict[str, float] = field(default_factory=dict)
    parallel: float = 1.0  # share of itself the machine gives to several workers
    noise: float = 0.0
    drift: float = 0.0  # standard deviation of the logarithm of all prices, half of which is forgotten in 14 rounds
    taken: float | None = None  # mean share that other programs add to rounds of several workers; None: no such clocks
    refuses: dict[str, str] = field(default_factory=dict)
    breaks_after: dict[str, int] = field(default_factory=dict)
    now_ns: int = 0
    rounds: list[str] = field(default_factory=list)
    draw: random.Random = field(default_factory=lambda: random.Random(5))
    drifted: float = 0.0

    def clock_ns(self) -> int:
        return self.now_ns

    def prepare(self, slot: Slot) -> CaseRecord:
        reason = self.refuses.get(slot.case.executor)
        if reason:
            return CaseRecord(case=slot.case, status="failed", reason=reason)
        return CaseRecord(case=slot.case, first_ns=round(self._once_s(slot.case) * 1e9))

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> Round:
        executor = slot.case.executor
        self.rounds.append(slot.case.id)
        if self.breaks_after.get(executor, len(self.rounds)) < len(self.rounds):
            raise WorkerRaisedError(f"{executor} broke")
        self.drifted = _MEMORY * self.drifted + math.sqrt(1 - _MEMORY**2) * self.draw.gauss(0, self.drift)
        found = as_round(repeats, repeats * self._once_s(slot.case) * self.draw.lognormvariate(0, self.noise))
        if self.taken is not None:
            share = self.draw.expovariate(1 / self.taken) if slot.case.workers > 1 else 0.0
            found = beside_others(found, share * found.wall_ns / 1e9)
        self.now_ns += found.wall_ns + 1_000_000
        return found

    def _once_s(self, case: Case) -> float:
        params, executor = KERNEL.sizes[case.size], case.executor
        work_s = params["steps"] * STEP_S / (self.parallel if case.workers > 1 else 1.0)
        each = params["items"] / case.workers
        baseline = params["items"] == 1 and case.executor in ("serial", "native")
        price_s = 0.0 if baseline else self.per_task_s.get(executor, 0.0)
        price_s *= math.exp(self.drifted)
        return each * (work_s + price_s) + (0.0 if baseline else self.per_meeting_s.get(executor, 0.0))


@dataclass
class BusyHost:
    """One worker that computes each task and then is busy for a known time, without ever sleeping."""

    per_task_s: dict[str, float]

    def prepare(self, slot: Slot) -> CaseRecord:
        return CaseRecord(case=slot.case, first_ns=self.run_round(slot, 1, Lead(repeats=0), 0).wall_ns)

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> Round:
        case = slot.case
        params = KERNEL.sizes[case.size]
        layout = kernels.buffer_layout(KERNEL, params)
        buffers = kernels.views(bytearray(layout[0]), layout)
        function = kernels.resolve("spin", KERNEL.impl(case.implementation))
        busy_ns = round(self.per_task_s.get(case.executor, 0.0) * 1e9)
        clock = time.thread_time_ns  # its own CPU time: what others do on this machine is not its price
        start_ns = clock()
        for _ in range(repeats):
            for item in range(params["items"]):
                function(0, item, item + 1, params, buffers)
                until_ns = clock() + busy_ns
                while clock() < until_ns:
                    pass
        return as_round(repeats, (clock() - start_ns) / 1e9)
