"""In which order the rounds of a block come, and around which of them CPUs are paced, with what.

A CPU may be slowed for milliseconds to seconds by what no clock shows: another virtual machine on the same core, or
falling clocks. So rounds of one T(1) and its cases follow each other, and around each round of several workers T(1)
runs for a moment on their CPUs (on one of them in turn, if it takes long), and ``spin`` on as many workers
(``records.Pace``; ``steady`` makes use of it).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from gilscope.core.cases import Case, Slot
from gilscope.core.records import Round
from gilscope.core.registry import is_engine
from gilscope.core.units import sum_known
from gilscope.measure.calibrate import COMPUTES
from gilscope.measure.loop import shuffled
from gilscope.results.schema import MAX_STAMPS

PACE_S = 0.008
"""About how long T(1) runs on one CPU: a few of its time slices, and short beside a round."""

SHORT_PACE_S, MOST_PACE_S = 0.012, 0.12
"""One execution. Longer than the first, CPUs are tried in turn, for eight executions come with two cases, and of long
ones few blocks would fit; longer than the second, not at all."""

_SUMMED = (
    *("steal_ns", "throttled_ns", "process_cpu_ns", "net_ns", "stolen_ns", "minor_faults", "switches", "system_ns"),
)
_OTHER_THREADS = 0.2  # CPU time of a process beyond that of the thread: its own reading and writing is less
_MOST_CPUS = 4  # of one round: the usual pace stands for others


def order_of(slots: Iterable[Slot], seed: int, kernel: str, block: int) -> list[Slot]:
    """Return the slots of a block in random order, those of one T(1) next to each other."""
    families: dict[Slot, list[Slot]] = {}
    for slot in slots:
        families.setdefault(single_of(slot), []).append(slot)
    return [
        slot
        for family in shuffled(families.values(), seed, kernel, block)
        for slot in shuffled(family, seed, kernel, block)
    ]


def is_paced(slot: Slot) -> bool:
    """Whether CPUs are tried around the rounds of a slot: several workers on CPUs of this machine that are known."""
    case = slot.case
    elsewhere = case.executor == "dask" or is_engine(case.executor)
    return 1 < case.workers <= MAX_STAMPS and not elsewhere


def single_of(slot: Slot) -> Slot:
    """Return the slot of the T(1) that a slot is compared with."""
    return Slot(case=slot.case.t1, role="spin" if slot.role == "spin" else "case")


def may_be_bound(single: Round) -> bool:
    """Whether a round of T(1) shows code that a CPU may be tried with: it computes, and in its own thread alone.

    Threads and processes that it starts while it is bound to a CPU would be bound too.
    """
    if len(single.stamps) != 1:
        return False
    stamp = single.stamps[0]
    alone = single.process_cpu_ns is None or single.process_cpu_ns <= (1.0 + _OTHER_THREADS) * stamp.cpu_ns
    return alone and stamp.cpu_ns >= COMPUTES * (stamp.end_ns - stamp.start_ns)


def joined(rounds: Sequence[Round]) -> Round:
    """Return rounds of one worker as one that took as long as all of them; from its start to its end, one by one.

    Its CPU is that of all of them, or unknown.
    """
    if len(rounds) == 1:
        return rounds[0]
    start = rounds[0].start_ns
    stamps = [one.stamps[0] for one in rounds]
    wall_ns, spent_ns = sum(one.wall_ns for one in rounds), sum(stamp.end_ns - stamp.start_ns for stamp in stamps)
    cpus = {stamp.cpu for stamp in stamps}
    stamp = replace(
        stamps[0],
        start_ns=start,
        end_ns=start + spent_ns,
        received_ns=start + wall_ns,
        cpu_ns=sum(stamp.cpu_ns for stamp in stamps),
        run_queue_ns=sum_known(stamp.run_queue_ns for stamp in stamps),
        cpu=stamps[0].cpu if len(cpus) == 1 else None,
    )
    added: dict[str, Any] = {name: sum_known(getattr(one, name) for one in rounds) for name in _SUMMED}
    combine_ns = sum(one.combine_ns for one in rounds)
    return replace(
        rounds[0],
        repeats=sum(one.repeats for one in rounds),
        end_ns=start + wall_ns,
        combine_ns=combine_ns,
        stamps=(stamp,),
        **added,
    )


def cpus_of(case: Case, measured: Round, draw: random.Random) -> Sequence[int]:
    """Return CPUs on which workers of a round ran, or may have; not more than a few."""
    found = {stamp.cpu for stamp in measured.stamps if stamp.cpu is not None}
    if case.executor == "native" and hasattr(os, "sched_getaffinity"):
        usable = os.sched_getaffinity(0)
        found = usable if case.workers >= len(usable) else set()
    return draw.sample(sorted(found), min(len(found), _MOST_CPUS))
