"""Blocks of cases: what one holds, which kernel gets the next one, when it is known well enough.

A block holds one counted round of every slot of a group, in random order (``pacing``), in the same moment; all ratios
are taken within blocks, so that drift of the machine cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gilscope.core import clocks
from gilscope.core.cases import Group, Plan, Slot, Study
from gilscope.core.errors import MeasurementError
from gilscope.core.records import Block, CaseRecord, Round
from gilscope.measure.calibrate import ROUND_S, calibrate, is_busy, longer
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost
from gilscope.measure.loop import buy_blocks
from gilscope.measure.rounds import Prepared, Rounds, Seen, Shared, attempt, failed
from gilscope.measure.steady import steadied
from gilscope.results import ResultWriter
from gilscope.results.codec import encode_watched
from gilscope.stats import LOOKS, estimate_or_none, precision_reached

T = TypeVar("T")

REPLACE_RUNNERS_FROM_S = 90.0
"""Studies with a larger budget replace their runners half-way: the memory layout of a process's code and data is luck
that lasts as long as the process (Mytkowicz et al., ASPLOS 2009)."""

CONTROL_S = 0.012
"""Shortest round of a control: as many repeats as T(1) has last 4 ms on 64 workers, hardly more than starting them."""

_DIAGNOSE_AT = (0, 7)  # blocks after which serial, native and nested are: their share of the GIL does not change
_DIAGNOSE_EVERY = 4  # blocks: enough samples of the GIL for a share to 1 or 2 points, for a tenth of the time
_DIAGNOSE_S = 0.05
"""Shortest diagnostic round, of T(1): a hundred samples, and ten turns of threads that compute in byte code."""


def prepare_all(
    plan: Plan,
    host: SupervisedHost,
    observer: Observer,
    sink: ResultWriter,
    *,
    round_s: float = ROUND_S,
    budget_s: float = math.inf,
) -> Prepared:
    """Prepare, verify and calibrate every case of a plan, for rounds of T(1) that last at least ``round_s`` seconds.

    Of ``budget_s``, seconds for the blocks of all, no round of a user's function is planned to take a large part.
    Baselines come first, because all cases have the repeats of their T(1); ``isolated`` controls come last.
    """
    for missing in plan.unavailable:
        sink.case(CaseRecord(case=missing.case, status="unavailable", reason=missing.reason, cure=missing.cure))
    slots = {slot.session: slot for group in plan.groups for slot in group.slots}
    parts = {(slot.case.kernel, slot.case.implementation) for slot in slots.values() if slot.role == "case"}
    ordered = sorted(slots.values(), key=lambda slot: (slot.role == "isolated", slot.case.t1 != slot.case))
    prepared = Prepared(records={}, round_s={})
    for done, slot in enumerate(ordered):
        observer.preparing(slot.case, done, len(ordered))
        record = host.prepare(slot)
        if record.status == "ok":
            record = _calibrated(host, slot, record, prepared, round_s, budget_s / max(1, len(parts)))
        prepared.records[slot.session] = record
        if slot.role == "isolated":
            if record.status != "ok":
                observer.message(f"no isolated control for {slot.case.id}: {record.reason}")
            continue
        sink.case(record)
        observer.prepared(record)
    return prepared


def _calibrated(
    host: SupervisedHost, slot: Slot, record: CaseRecord, prepared: Prepared, round_s: float, budget_s: float
) -> CaseRecord:
    """Give a record its repeats: measured on T(1), copied for the others.

    Executors that hand out tasks may take many times T(1): their own are measured too, and limited to those of T(1).
    Rounds of controls on many workers are repeated more often, or they would last milliseconds.
    """
    case, most = record.case, None
    if case.t1 != case:
        known = prepared.records.get(case.t1.id)
        if known is None or known.status != "ok":
            return replace(record, status="failed", reason=f"its T(1), {case.t1.id}, could not be measured")
        most = known.repeats
        if not case.by_tasks:
            single_s = prepared.round_s[case.t1.id]
            times = max(1, math.ceil(CONTROL_S * case.workers / single_s))
            if slot.role == "case":
                times = longer(case, most, single_s, budget_s)
            prepared.round_s[slot.session] = single_s * times
            return replace(record, repeats=most * times)
    try:
        repeats, lasts_s = calibrate(host, slot, record.first_ns / 1e9, round_s=round_s)
    except MeasurementError as error:
        return failed(record, error)
    kept = min(repeats, most or repeats)
    prepared.round_s[slot.session] = lasts_s * kept / repeats
    return replace(record, repeats=kept)


def run_blocks(
    plan: Plan,
    study: Study,
    host: SupervisedHost,
    prepared: Prepared,
    observer: Observer,
    sink: ResultWriter,
    clock_ns: Callable[[], int] = clocks.wall_ns,
    *,
    enough: Callable[[str, bool], bool] | None = None,
    earlier: Sequence[Block] = (),
) -> None:
    """Buy blocks until every speed-up is known to ``study.precision`` or the budget is spent.

    ``earlier`` blocks, from before an interruption, count with the time they took. ``enough``, if given, decides at
    each look, from the name of the kernel and whether it is precise enough, if what reached ``sink`` so far suffices.

    Whether a kernel is precise enough is decided only at the fixed block counts ``stats.LOOKS``; deciding after every
    block and stopping at the first good answer would make intervals too narrow.
    """

    def replace_runners() -> None:
        observer.message("half-way: replacing the runners, so that one process's luck is not taken for truth")
        host.replace_runners()

    shared = Shared(study=study, host=host, prepared=prepared, sink=sink, clock_ns=clock_ns, enough=enough)
    buy_blocks(
        [_Cases(group, shared, earlier) for group in plan.groups],
        study.budget_s,
        observer,
        spent_s=sum(block.ended_ns - block.started_ns for block in earlier) / 1e9,
        timed_s=sum(measured.wall_ns for block in earlier for measured in block.rounds.values()) / 1e9,
        half_way=None if study.budget_s < REPLACE_RUNNERS_FROM_S else replace_runners,
        clock_ns=clock_ns,
    )


class _Cases:
    """A group of cases while it is measured: see `loop.Series`."""

    def __init__(self, group: Group, shared: Shared, earlier: Sequence[Block]) -> None:
        self.name, self.blocks = group.kernel, 0
        self.precision: float | None = None
        self._group, self._shared = group, shared
        self._block_s = 0.0  # the last one in which nothing failed: a case that hung is left out from then on
        self._done = False
        self._measured = [block for block in earlier if block.kernel == group.kernel]
        self._seen = Seen()
        for block in self._measured:
            self.blocks += 1
            if len(block.rounds) == len(group.slots):
                self._block_s = (block.ended_ns - block.started_ns) / 1e9
        self._look()

    def wants_more(self) -> bool:
        """See ``loop.Series``."""
        return not self._done and any(map(self._shared.prepared.usable, self._group.slots))

    def rank(self) -> tuple[float, float]:
        """Order by the fewest blocks up to the first look, then by the widest interval."""
        young = self.blocks < LOOKS[0]
        return (self.blocks if young else LOOKS[0], 0.0 if young or self.precision is None else -self.precision)

    def cost_s(self) -> float:
        """See ``loop.Series``."""
        round_s = self._shared.prepared.round_s
        return self._block_s or sum(round_s.get(slot.session, 0.0) for slot in self._group.slots)

    def run_block(self) -> float:
        """Run one counted round of every usable slot, assess precision, sample the GIL."""
        shared = self._shared
        started = shared.clock_ns()
        expected = sum(map(shared.prepared.usable, self._group.slots))
        taken = Rounds(self._group, self.blocks, self._seen, shared)
        taken.run()
        block = Block(
            kernel=self._group.kernel,
            index=self.blocks,
            started_ns=started,
            ended_ns=shared.clock_ns(),
            rounds=taken.rounds,
            paces=tuple(taken.paces),
        )
        shared.sink.block(block)
        if not self.blocks:
            _shorten(self._group, block, shared)
        self.blocks += 1
        self._measured.append(block)
        self._look()
        _diagnose(self._group, self.blocks - 1, shared)
        if len(block.rounds) == expected:
            self._block_s = (shared.clock_ns() - started) / 1e9
        return sum(measured.wall_ns for measured in block.rounds.values()) / 1e9

    def _look(self) -> None:
        """At the block counts of ``stats.LOOKS``, decide whether the group is known well enough."""
        if self.blocks not in LOOKS:
            return
        ratios: dict[str, list[float]] = {}
        for block in steadied(self._measured):
            for key, ratio in _ratios(self._group, block.rounds):
                ratios.setdefault(key, []).append(ratio)
        # A slot that failed later has fewer ratios and does not count.
        full = [values for values in ratios.values() if len(values) == self.blocks]
        self.precision = precision_reached(map(estimate_or_none, full))
        enough = self._shared.enough
        precise = self.precision <= self._shared.study.precision
        self._done = enough(self.name, precise) if enough is not None else precise


def _shorten(group: Group, first: Block, shared: Shared) -> None:
    """Shorten the rounds of a user's function in all but the first block, where workers hardly wait."""
    prepared = shared.prepared
    for slot in group.slots:
        case, t1 = slot.case, Slot(case=slot.case.t1)
        if slot.role != "case" or case.libraries or case.by_tasks or not {slot.key, t1.key} <= first.rounds.keys():
            continue
        if prepared.usable(slot) and prepared.usable(t1) and is_busy(first.rounds[slot.key], first.rounds[t1.key]):
            record, single = prepared.records[slot.session], prepared.records[t1.session].repeats
            repeats = single * longer(case, single, prepared.round_s[t1.session], math.inf, busy=True)
            if repeats < record.repeats:
                prepared.round_s[slot.session] *= repeats / record.repeats
                prepared.records[slot.session] = replace(record, repeats=repeats)
                shared.sink.case(prepared.records[slot.session])


def _diagnose(group: Group, index: int, shared: Shared) -> None:
    """Run diagnostic rounds after a block: threads after every fourth one, the rest and nested threads after two.

    Never inside a block: timed rounds are not monitored, and the probe must not slow down their neighbours.
    """
    for slot in group.slots:
        threads = slot.case.executor == "threads" and not slot.case.libraries
        wanted = index % _DIAGNOSE_EVERY == 0 if threads else index in _DIAGNOSE_AT
        if slot.role != "case" or not slot.case.one_gil or not wanted:
            continue
        if index and shared.prepared.records[slot.session].gil_enabled is False:  # one is enough without a GIL
            continue
        repeats = shared.prepared.records[slot.session].repeats
        longer_by = _DIAGNOSE_S / max(shared.prepared.round_s.get(slot.session, 0.0), 1e-9)
        if diagnosed := attempt(shared.host.diagnose, slot, shared, math.ceil(repeats * max(1.0, longer_by))):
            measured, gil = diagnosed
            line = {"case": slot.case.id, "kernel": group.kernel, "block": index}
            kept = gil.pop("kept", ())
            if kept and slot.case.executor == "threads" and not index:  # one timeline per case: `trace` draws it
                line["trace"] = encode_watched(measured, kept)
            shared.sink.diagnostic({**line, "wall_ns": measured.wall_ns, "repeats": measured.repeats, "gil": gil})


def _ratios(group: Group, rounds: Mapping[str, Round]) -> Iterator[tuple[str, float]]:
    """Yield T(1)/T(p) per case of a block, net where that is known; without parallel cases T(1) against the control."""
    control = next((s.key for s in group.slots if s.role == "spin" and s.case.executor == "serial"), "")
    parallel = any(slot.role == "case" and slot.case.t1 != slot.case for slot in group.slots)
    for slot in group.slots:
        baseline = control if slot.case.t1 == slot.case else slot.case.t1.id
        known = slot.key in rounds and baseline in rounds
        if slot.role != "case" or not known or (parallel and baseline == control):
            continue
        one, own = rounds[baseline], rounds[slot.key]
        one_ns, own_ns = (one.net_ns, own.net_ns) if one.net_ns and own.net_ns else (one.wall_ns, own.wall_ns)
        yield slot.key, (one_ns / one.repeats) / (own_ns / own.repeats)
