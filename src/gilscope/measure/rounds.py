"""The rounds of one block: each slot once, and between them how fast the CPUs are."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from gilscope.core.cases import Group, Slot, Study
from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.core.records import CaseRecord, Pace, Round
from gilscope.measure.calibrate import lead_of, timeout_of
from gilscope.measure.host import Lead, SupervisedHost, fix_for
from gilscope.measure.pacing import (
    MOST_PACE_S,
    PACE_S,
    SHORT_PACE_S,
    cpus_of,
    is_paced,
    joined,
    may_be_bound,
    order_of,
    single_of,
)
from gilscope.results import ResultWriter

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Prepared:
    """What is known after preparing."""

    records: dict[str, CaseRecord]  # by session
    round_s: dict[str, float]  # length of its rounds, as of one worker, in seconds, by session

    def usable(self, slot: Slot) -> bool:
        """Whether the slot can be measured."""
        return self.records[slot.session].status == "ok"

    def execution_s(self, slot: Slot) -> float:
        """How long one execution takes on one worker; 0 where that is not known."""
        record = self.records.get(slot.session)
        return self.round_s.get(slot.session, 0.0) / record.repeats if record is not None and record.repeats else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all groups of a study are measured with."""

    study: Study
    host: SupervisedHost
    prepared: Prepared
    sink: ResultWriter
    clock_ns: Callable[[], int]
    enough: Callable[[str, bool], bool] | None


@dataclass(slots=True)
class Seen:
    """What blocks so far have shown."""

    cpus: dict[str, Sequence[int]] = field(default_factory=dict)  # where the workers of each slot ran last, by its key
    bindable: set[Slot] = field(default_factory=set)  # T(1) that may be bound to a CPU
    turn: int = 0  # of the CPUs, where they are tried one at a time


class Rounds:
    """The rounds of one block while they are taken. In the first one CPUs are not paced: it shows what can be."""

    def __init__(self, group: Group, index: int, seen: Seen, shared: Shared) -> None:
        self.rounds: dict[str, Round] = {}
        self.paces: list[Pace] = []
        self._short: dict[Slot, list[Round]] = {}  # of the controls that CPUs are paced with
        self._seen, self._shared = seen, shared
        self._draw = random.Random(f"{shared.study.seed}/{group.kernel}/{index}/paces")
        usable = filter(shared.prepared.usable, group.slots)
        self._slots = order_of(usable, shared.study.seed, group.kernel, index)
        self._paced = {
            slot
            for slot in self._slots
            if slot.role != "isolated" and is_paced(slot) and self._may_pace(single_of(slot))
        }
        paced = [slot for slot in self._slots if slot in self._paced]  # in an order that the seed decides
        self._cases = Counter(single_of(slot) for slot in paced)  # paced cases of each T(1)
        counts = {slot.case.workers for slot in paced if slot.role != "spin"}
        spins = [slot for slot in paced if slot.role == "spin"]
        self._spins = {slot.case.workers: slot for slot in spins if slot.case.workers in counts}
        self._known = {single_of(slot): seen.cpus[slot.key] for slot in paced if seen.cpus.get(slot.key)}

    def run(self) -> None:
        """Take them. Of a control that CPUs are paced with, its short rounds count as one."""
        for slot in self._slots:
            cpus = self._known.get(single_of(slot), ())
            if slot in self._spins.values() and self._known:
                continue
            if slot.role == "spin" and slot.case.t1 == slot.case and self._known:
                for cpu in next(iter(self._known.values())):
                    self._note(slot, self._briefly(slot, cpu=cpu))
            elif slot in self._paced and slot.role != "spin":
                self._run_paced(slot)
            elif slot.case.t1 != slot.case or not cpus:
                self._run_free(slot)
            elif slot.role == "A/A":
                self._keep(slot, self._briefly(slot, cpu=self._draw.choice(cpus)))
        for slot, taken in self._short.items():
            single = slot.case.workers == 1
            self.rounds.setdefault(slot.key, joined(taken) if single else self._draw.choice(taken))

    def _run_free(self, slot: Slot) -> None:
        measured = attempt(self._shared.host.run_round, slot, self._shared)
        self._keep(slot, measured)
        if measured is None:
            return
        if is_paced(slot):
            self._seen.cpus[slot.key] = cpus_of(slot.case, measured, self._draw)
        elif slot.case.t1 == slot.case and slot.role != "A/A" and may_be_bound(measured):
            self._seen.bindable.add(slot)

    def _run_paced(self, slot: Slot) -> None:
        """Run a round between rounds of T(1) on its CPUs, and of ``spin`` on all of them.

        Where T(1) takes long, the first one only has it afterwards, as there is another one to come.
        """
        single, cpus = single_of(slot), self._seen.cpus
        once = self._cases[single] > 1 and self._shared.prepared.execution_s(single) > SHORT_PACE_S
        if single not in self._short and not once:
            self._pace(slot, cpus.get(slot.key, ()))
        measured = attempt(self._shared.host.run_round, slot, self._shared)
        self._keep(slot, measured)
        if measured is not None:
            cpus[slot.key] = cpus_of(slot.case, measured, self._draw)
            self._pace(slot, cpus[slot.key])

    def _keep(self, slot: Slot, measured: Round | None) -> None:
        if measured is not None:
            self.rounds[slot.key] = measured

    def _pace(self, slot: Slot, cpus: Sequence[int]) -> None:
        single, spin = single_of(slot), self._spins.get(slot.case.workers)
        if cpus and self._shared.prepared.execution_s(single) > SHORT_PACE_S:
            self._seen.turn += 1
            cpus = (sorted(cpus)[self._seen.turn % len(cpus)],)
        for cpu in cpus:
            self._note(single, self._briefly(single, cpu=cpu))
        if spin is not None and cpus:
            self._note(spin, self._briefly(spin))

    def _note(self, control: Slot, measured: Round | None) -> None:
        """Keep a short round of a control, and how fast it ran on each CPU."""
        if measured is None:
            return
        self._short.setdefault(control, []).append(measured)
        for stamp in measured.stamps:
            if stamp.cpu is not None and stamp.cpu_ns > 0:
                at_ns, cpu_ns = (stamp.start_ns + stamp.end_ns) // 2, stamp.cpu_ns / measured.repeats
                self.paces.append(Pace(case=control.case, cpu=stamp.cpu, at_ns=at_ns, cpu_ns=cpu_ns))

    def _may_pace(self, single: Slot) -> bool:
        """Whether a T(1) may be bound to CPUs, and is short enough to try them with."""
        return single in self._seen.bindable and 0.0 < self._shared.prepared.execution_s(single) <= MOST_PACE_S

    def _briefly(self, slot: Slot, cpu: int | None = None) -> Round | None:
        """Run a short round of a control, of one worker on one CPU."""
        prepared = self._shared.prepared
        record, lasts_s = prepared.records.get(slot.session), prepared.round_s.get(slot.session, 0.0)
        if record is None or not lasts_s:
            return None
        repeats = max(1, round(record.repeats * min(1.0, PACE_S / lasts_s)))
        run = self._shared.host.run_round
        return attempt(run if cpu is None else partial(run, cpu=cpu), slot, self._shared, repeats)


def attempt(
    run: Callable[[Slot, int, Lead, float], T], slot: Slot, shared: Shared, repeats: int | None = None
) -> T | None:
    """Run a round of a slot; None if it is not usable, or fails now, which is recorded."""
    prepared = shared.prepared
    record = prepared.records.get(slot.session)
    if record is None or record.status != "ok":
        return None
    repeats = repeats or record.repeats
    lead = lead_of(slot.case, repeats, prepared.execution_s(slot))
    try:
        return run(slot, repeats, lead, timeout_of(prepared.round_s[slot.session]))
    except MeasurementError as error:
        prepared.records[slot.session] = failed(record, error)
        if slot.role != "isolated":
            shared.sink.case(prepared.records[slot.session])
        return None


def failed(record: CaseRecord, error: MeasurementError) -> CaseRecord:
    """Return the record of a case that failed while it was measured."""
    return replace(
        record,
        status="timeout" if isinstance(error, RoundTimeoutError) else "failed",
        reason=str(error),
        cure=fix_for(f"{error} {error.detail}"),
        detail=error.detail,
    )
