"""A host that plays a world: the answers of runners, on a clock that moves only when something is played."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from gilscope.core.cases import Case, Slot
from gilscope.core.records import CaseRecord, Round, Stamp
from gilscope.core.spec import GilUse, Work
from gilscope.measure.host import Lead
from tests.worlds.loads import Kind, faults_of, load_of
from tests.worlds.rounds import SWITCH_S, Load, Played, play
from tests.worlds.weather import Weather
from tests.worlds.world import World

__all__ = ["HELD", "WorldHost"]

HELD = 0.9
"""Share of its time under the GIL from which an implementation counts as one that holds it."""

_TICK_NS = 10_000_000
_BETWEEN_S = 2e-4  # messages around a round
_LOOKS_PER_S = 2000
_FAULT_S = 2e-6  # one minor fault, with clearing the page
_OVERHEAD_HELD = 0.002  # what workers hold the GIL for between chunks
_KNOWN = {one.name for one in fields(Round)}


def _ns(seconds: float) -> int:
    return round(float(seconds) * 1e9)


class WorldHost:
    """See ``gilscope.measure.host.Host``.

    Attributes
    ----------
    now : float
        Simulated seconds.
    tasks, repeats : dict of case id to int
        Calls of one execution of the cases that were prepared; executions of their last rounds.
    """

    def __init__(self, world: World) -> None:
        self.world, self.now = world, 0.0
        self.weather = Weather(world.machine, world.seed)
        self.tasks: dict[str, int] = {}
        self.repeats: dict[str, int] = {}
        self._draw = np.random.default_rng([world.seed, 7])
        self._calls: dict[str, float] = {}
        self._stolen_s = 0.0

    def clock(self) -> int:
        """Simulated time in ns."""
        return _ns(self.now)

    def prepare(self, slot: Slot) -> CaseRecord:
        """See ``Host``."""
        case, program = slot.case, self.world.program
        if case.kernel != "spin":
            self.tasks[case.id] = int(case.size)
        self.now += 0.05
        first = self.run_round(slot, 1, Lead(repeats=0), math.inf)
        gil: GilUse = "held" if program.gil + program.gil_c >= HELD and case.kernel != "spin" else "released"
        return CaseRecord(
            case=case,
            first_ns=first.wall_ns,
            work=Work(units=int(case.size) if case.kernel != "spin" else 10**6, unit="tasks"),
            one_time_ns={"import": 10**6},
            family="threads",
            python="3.13.0",
            gil_enabled=True,
            gil=gil,
        )

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float, *, cpu: int | None = None) -> Round:
        """See ``Host``."""
        self.weather.first = cpu or 0
        return self._round(*self._played(slot, repeats, lead), repeats)

    def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
        """See ``Host``."""
        self.weather.first = 0
        load, played = self._played(slot, repeats, lead)
        return self._round(load, played, repeats), self._probed(load, played)

    def replace_runners(self) -> None:
        """See ``Host``: arguments are made anew."""
        self._calls.clear()

    def _played(self, slot: Slot, repeats: int, lead: Lead) -> tuple[Load, Played]:
        case = slot.case
        kind: Kind = "spin" if case.kernel == "spin" else "isolated" if slot.role == "isolated" else "case"
        tasks = self.tasks.get(case.id, 1)
        before, each = self._calls.get(slot.session, 0.0), tasks / case.workers
        led = lead.repeats * each * (1.0 if lead.limit is None else min(1.0, lead.limit / case.chunks_per_worker))
        load = load_of(self.world, kind, case.workers, tasks, repeats, before + led)
        self.repeats[case.id] = repeats
        self._calls[slot.session] = before + led + repeats * each
        self.now += _BETWEEN_S + float(load.work.max()) * load.steps / repeats * led / each
        played = play(self.weather, load, self.now, self._draw)
        self.now = played.end + _BETWEEN_S
        return load, played

    def _round(self, load: Load, played: Played, repeats: int) -> Round:
        machine, program, workers = self.world.machine, self.world.program, load.workers
        begin = _ns(played.begin) if load.dispatch_s else min(map(_ns, played.start))
        before = self._ticks()
        self._stolen_s += float(played.stolen.sum()) * load.threads
        self._stolen_s += machine.steal_elsewhere * (played.end - played.begin)
        crowded = workers > machine.usable or played.throttled > 0
        system = faults_of(program, workers) * float(played.cpu.sum())
        more = {
            "net_ns": _ns(played.end - played.begin) if crowded else _ns(played.net),
            "minor_faults": round(system / _FAULT_S),
            "system_ns": _ns(system),
            "stolen_ns": 0 if load.shared or load.sleep > 0 else _ns(float(played.stolen.sum())),  # idling looks alike
        }
        received = _ns(played.end - played.combine + 5e-5)
        return Round(
            repeats=repeats,
            start_ns=begin,
            end_ns=_ns(played.end),
            combine_ns=_ns(played.combine),
            stamps=tuple(self._stamp(played, index, begin, received) for index in range(workers)),
            steal_ns=self._ticks() - before,
            throttled_ns=_ns(played.throttled) if machine.quota else None,
            process_cpu_ns=_ns(float(played.cpu.sum()) * load.threads),
            **{name: value for name, value in more.items() if name in _KNOWN},
        )

    def _stamp(self, played: Played, index: int, begin: int, received: int) -> Stamp:
        told = self.world.machine.run_queue_clock
        return Stamp(
            submit_ns=begin - 100_000,
            start_ns=_ns(played.start[index]),
            end_ns=_ns(played.stop[index]),
            waiting_ns=_ns(played.waiting[index]),
            waking_ns=_ns(played.waking[index]),
            cpu_ns=_ns(played.cpu[index]),
            run_queue_ns=_ns(played.queued[index]) if told else None,
            received_ns=received,
            gathering_ns=50_000,
            cpu=self._cpu_of(index, len(played.cpu)),
        )

    def _cpu_of(self, index: int, workers: int) -> int | None:
        """Return where a worker ran; None where they move about."""
        machine = self.world.machine
        crowded = workers + machine.neighbours > machine.cpus
        return None if crowded else (self.weather.first + index) % machine.cpus

    def calls_of(self, case: Case) -> float:
        """Return how many calls of a case were played since its runner began."""
        return self._calls.get(case.id, 0.0)

    def _ticks(self) -> int:
        """Return the steal clock of the whole node."""
        return int(self._stolen_s * 1e9) // _TICK_NS * _TICK_NS

    def _probed(self, load: Load, played: Played) -> dict[str, Any]:
        """Return what the probe writes of a round."""
        program, waiters = self.world.program, self.world.machine.waiters
        wall = played.end - played.begin
        looks = max(20, round(_LOOKS_PER_S * wall))
        alone = (program.gil + program.gil_c) if load.workers == 1 else 0.0
        held = min(1.0, max(played.held / wall, alone, _OVERHEAD_HELD))
        waiting = played.wanted / wall if load.gil else 0.0
        overdue = played.overdue / played.held if played.held else 0.0

        def seen(value: float, spread: float, most: float = math.inf) -> dict[str, float]:
            sd = math.sqrt(max(spread, 1.0 / looks) / looks) / 2.0
            found = min(most, max(0.0, value + sd * float(self._draw.normal())))
            low, high = max(0.0, found - 2 * sd), min(most, found + 2 * sd)
            return {"value": found, "low": low, "high": high, "confidence": 0.95, "n": looks}

        return {
            "available": True,
            "reason": "",
            "enabled": True,
            "free_threaded_build": False,
            "switched_on": "",
            "waiting_reason": "" if waiters else "this C library's condition variables are not known",
            "samples": looks,
            "window_s": wall,
            "held": seen(held, held * (1 - held), 1.0),
            "waiting": seen(waiting, waiting) if waiters else None,
            "handovers": played.turns,
            "handovers_per_s": played.turns / wall,
            "holds": {
                "overdue": seen(overdue, overdue * (1 - overdue), 1.0) if waiters else None,
                "switch_interval_s": SWITCH_S,
            },
        }

    def alone_s(self, case: Case) -> float:
        """Return the length of one call, as an examination sees it."""
        load = load_of(self.world, "case", 1, 1, 1)
        machine = self.world.machine
        busy = min(load.threads, machine.cpus, machine.quota or machine.cpus)
        return float(load.work[0]) * load.steps * (1.0 + load.sleep) / busy
