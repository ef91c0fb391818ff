"""One round on a virtual clock: when every worker did what, stamped as real workers stamp themselves."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import simpy

from tests.worlds.weather import Floats, Ran, Weather

__all__ = ["Load", "Played", "play"]

MOST_STEPS = 32
"""Barriers of a round that are played one by one; each stands for as many as there are more of them."""

MOST_STEPS_SHARED = 4  # the same where workers queue for something between barriers
FEWEST_TURNS, MOST_TURNS = 8, 600  # per worker and step; of all workers in a round
SHAPE = 4.0  # of the gamma distribution of holds and of what is between them: 1 is exponential
SWITCH_S = 0.005  # sys.getswitchinterval()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the workers of a round are to do.

    Parameters
    ----------
    work : array of float, shape (workers,)
        CPU seconds per step of each worker, in and outside what they queue for, without sleep.
    steps : int
        How often, with a barrier between two steps unless ``alone``.
    shift : int
        By how many workers the unevenness moves on with each step.
    sleep : float
        Seconds of sleep per second of work.
    gil, lock : float
        Shares of the work under them, where several workers queue.
    hold_s : float
        How long the GIL is held at a time; 0: as byte code does.
    barrier_s, combine_s, dispatch_s : float
        As in ``Program``; ``dispatch_s`` above 0: the parent hands out every step by messages.
    threads : int
        Threads of its own in each worker.
    smt_yield : float
        Of this code; 0: that of the machine.
    rise : array of float, shape (workers,), or float
        By how much the CPU time in ``work`` is above that of a worker beside which no other one runs.
    """

    work: Floats
    steps: int = 1
    alone: bool = False
    shift: int = 0
    sleep: float = 0.0
    gil: float = 0.0
    lock: float = 0.0
    hold_s: float = 0.0
    barrier_s: float = 0.0
    combine_s: float = 0.0
    dispatch_s: float = 0.0
    threads: int = 1
    smt_yield: float = 0.0
    rise: Floats | float = 0.0

    @property
    def workers(self) -> int:
        """How many."""
        return len(self.work)

    @property
    def shared(self) -> bool:
        """Whether workers queue for the GIL or a lock."""
        return self.workers > 1 and self.gil + self.lock > 0


@dataclass(slots=True, kw_only=True)
class Played:
    """A round; seconds. ``held`` and ``waiting`` are integrals over the round, ``virtual`` is the net clock."""

    begin: float
    end: float
    start: Floats
    stop: Floats
    cpu: Floats
    queued: Floats
    stolen: Floats
    waiting: Floats
    waking: Floats
    virtual: Floats
    combine: float = 0.0
    throttled: float = 0.0
    held: float = 0.0
    wanted: float = 0.0
    overdue: float = 0.0
    turns: int = 0

    @property
    def net(self) -> float:
        """Length without queueing and steal."""
        return float((self.start - self.begin + self.virtual).max()) + self.end - float(self.stop.max())


@dataclass(slots=True)
class _Round:
    """A round while it is played."""

    weather: Weather
    load: Load
    draw: np.random.Generator
    made: Played = field(init=False)

    def woken(self) -> Floats:
        """Return how long each worker takes to run again."""
        mean, quiet = self.weather.machine.wake_s, self.weather.quiet
        return np.full(self.load.workers, mean) if quiet else self.draw.exponential(mean, self.load.workers)

    def jitter(self) -> Floats:
        sd = 0.0 if self.weather.quiet else self.weather.machine.jitter
        return np.exp(self.draw.normal(0.0, sd, self.load.workers))

    def work(self, step: int, times: float) -> Floats:
        """Return the CPU seconds of a step."""
        return np.roll(self.load.work, self.load.shift * step) * times

    def run(self, start: Floats, work: Floats) -> Ran:
        """Let everybody do a step, and keep what happened but for the end."""
        if self.load.shared:
            ran = _Shared(self, start, work).ran()
        else:
            ran = self.weather.run(start, work, self.load.threads, self.load.smt_yield, self.load.rise)
            ran.end = ran.end + self.load.sleep * work
        made = self.made
        made.cpu += ran.cpu
        made.queued += ran.queued
        made.stolen += ran.stolen
        made.throttled += ran.throttled
        return ran

    def advance(self, start: Floats, ran: Ran) -> None:
        """Move the virtual clocks: own time less queueing and, where the CPU was never given up, less steal."""
        idle = self.load.shared or self.load.sleep > 0
        self.made.virtual += ran.end - start - ran.queued - (0.0 if idle else ran.stolen)


def play(weather: Weather, load: Load, begin: float, draw: np.random.Generator) -> Played:
    """Play a round that begins at a moment of simulated time."""
    now = _Round(weather, load, draw)
    late = now.woken() if load.workers > 1 else np.zeros(1)
    sums: dict[str, Any] = {name: np.zeros(load.workers) for name in _SUMS}
    start = begin + late - late.min()
    now.made = Played(begin=begin, end=begin, start=start, stop=start, **sums)
    scatter = float(now.jitter()[0]) * now.jitter()
    kept = min(load.steps, MOST_STEPS_SHARED if load.shared else MOST_STEPS)
    times = load.steps / kept
    if load.alone or load.workers == 1:
        kept, times = 1, float(load.steps)
    _by_messages(now, kept, times, scatter) if load.dispatch_s else _by_barriers(now, kept, times, scatter)
    return now.made


_SUMS = ("cpu", "queued", "stolen", "waiting", "waking", "virtual")


def _by_barriers(now: _Round, kept: int, times: float, scatter: Floats) -> None:
    """Workers meet after every step but the last."""
    made, load = now.made, now.load
    at = made.start
    for step in range(kept):
        ran = now.run(at, now.work(step, times) * scatter)
        now.advance(at, ran)
        made.stop = ran.end
        barriers = times if step < kept - 1 else times - 1.0  # those that this step stands for
        if load.workers == 1 or load.alone or barriers <= 0:
            continue
        last = float(ran.end.max())
        waking = (now.woken() + load.barrier_s) * barriers
        if step == kept - 1:  # barriers inside the last step: it ends that much later
            made.waking += waking
            made.stop = ran.end + waking
            made.virtual += waking
            continue
        made.waiting += last - ran.end
        made.waking += waking
        at = last + waking
        made.virtual = float(made.virtual.max()) + waking
    made.combine = load.combine_s * load.steps
    made.end = float(made.stop.max()) + made.combine


def _by_messages(now: _Round, kept: int, times: float, scatter: Floats) -> None:
    """The parent sends every worker a message per step, one after the other, and takes the answers in turn."""
    made, load = now.made, now.load
    parent, first = made.begin, None
    gap: Floats = np.zeros(load.workers)
    busy: Floats = np.zeros(load.workers)
    for step in range(kept):
        at = parent + load.dispatch_s * times * np.arange(1, load.workers + 1)
        ran = now.run(at, now.work(step, times) * scatter)
        for end in ran.end:
            parent = max(parent, float(at[-1]), float(end)) + load.dispatch_s * times
        made.waiting += gap
        gap = float(ran.end.max()) - ran.end
        busy += ran.end - at
        first = at if first is None else first
        made.stop = ran.end
    assert first is not None
    made.start = first
    made.waking = np.maximum(0.0, made.stop - first - busy - made.waiting)
    made.combine = load.combine_s * load.steps
    made.end = parent + made.combine
    made.virtual = made.stop - first - (made.queued + made.stolen).max()


Events: TypeAlias = Generator[simpy.Event, Any, None]


class _Shared:
    """A step in which workers queue for the GIL and for a lock, first come, first served."""

    def __init__(self, now: _Round, start: Floats, work: Floats) -> None:
        self.now, self.start, self.work = now, start, work
        self.world = simpy.Environment(initial_time=float(start.min()))
        self.gil, self.lock = simpy.Resource(self.world), simpy.Resource(self.world)
        self.active = 0
        n = now.load.workers
        self.made = Ran(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))

    def ran(self) -> Ran:
        """Play it."""
        for index in range(len(self.work)):
            self.world.process(self._worker(index))
        self.world.run()
        return self.made

    def _turns(self, work: float) -> int:
        """Return in how many turns a worker does its step: coarse, because each costs events."""
        load = self.now.load
        if load.hold_s > SWITCH_S:
            return max(1, round(work * load.gil / load.hold_s))
        steps = min(load.steps, MOST_STEPS_SHARED)
        wanted = work * max(load.gil, load.lock) / SWITCH_S
        return max(FEWEST_TURNS, round(min(wanted, MOST_TURNS / (load.workers * steps))))

    def _worker(self, index: int) -> Events:
        load, draw, world = self.now.load, self.now.draw, self.world
        yield world.timeout(float(self.start[index]) - world.now)
        turns = self._turns(float(self.work[index]))
        parts = draw.gamma(SHAPE, size=(3, turns))
        parts *= float(self.work[index]) / parts.sum(axis=1, keepdims=True)
        for free, held, locked in parts.T.tolist():
            rest = free * (1.0 - load.gil - load.lock)
            before = rest * draw.random()
            yield from self._compute(index, before)
            if load.gil:
                yield from self._inside(self.gil, index, held * load.gil)
            yield from self._compute(index, rest - before)
            if load.lock:
                yield from self._inside(self.lock, index, locked * load.lock)
            if load.sleep:
                yield world.timeout(free * load.sleep)
        self.made.end[index] = world.now

    def _inside(self, resource: simpy.Resource, index: int, work: float) -> Events:
        """Queue for a resource and compute while it is held."""
        made, came = self.now.made, self.world.now
        with resource.request() as turn:
            yield turn
            entered = self.world.now
            yield from self._compute(index, work)
            if resource is self.gil:
                held = self.world.now - entered
                asked = bool(resource.queue)
                made.wanted += entered - came
                made.held += held
                made.turns += asked
                made.overdue += max(0.0, held - SWITCH_S) if asked and self.now.load.hold_s else 0.0

    def _compute(self, index: int, work: float) -> Events:
        if work <= 0:
            return
        self.active += 1
        beside = (len(self.work), self.active, self.now.load.smt_yield)
        end, cpu, queued, stolen = self.now.weather.run_one(index, self.world.now, work, *beside)
        self.made.cpu[index] += cpu
        self.made.queued[index] += queued
        self.made.stolen[index] += stolen
        yield self.world.timeout(end - self.world.now)
        self.active -= 1
