"""What a machine gives at each moment: other programs, the hypervisor, drift and noise, in epochs of simulated time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.worlds.world import Machine

__all__ = ["EPOCH_S", "Ran", "Sky", "Weather"]

EPOCH_S = 0.02
"""How long a scheduler leaves threads where they are, and how long the weather holds: a few time slices."""

_KEPT = 4096  # epochs that are remembered: workers are not all at the same moment
_STAGES = 8  # in which workers that finish leave their CPUs to the others: an eighth of them at a time
_FASTEST = 0.2  # of the time at the beginning, however long a machine drifts
_ROUNDING = 1e-6  # of an epoch: its end belongs to the next one
_STOLEN_AT_ONCE = 0.5  # of an epoch: steal comes in pieces

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Sky:
    """One epoch for so many workers.

    ``slow`` is how many times as long everything takes on each CPU; each worker has a ``share`` of its CPU, of which a
    part is ``stolen`` before, and ``beside`` it run so many other workers, on average.
    """

    until: float
    slow: Floats
    neighbours: int
    share: Floats
    stolen: Floats
    beside: Floats


@dataclass(slots=True)
class Ran:
    """When each worker had done its work, and what happened to it meanwhile; seconds."""

    end: Floats
    cpu: Floats
    queued: Floats
    stolen: Floats
    throttled: float = 0.0


class Weather:
    """The machine over time; ``first`` is the CPU of the first worker.

    Parameters
    ----------
    quiet : bool
        Interference off: what the truth is computed with.
    """

    def __init__(self, machine: Machine, seed: int, *, quiet: bool = False) -> None:
        self.machine, self.quiet = machine, quiet
        self._draw = np.random.default_rng([seed, 11])
        self._noise = float(self._draw.normal()) * machine.noise
        self._busy = self._draw.random(machine.neighbours) < machine.neighbour_on_s / (
            machine.neighbour_on_s + machine.neighbour_off_s
        )
        self._burst_s = 0.0
        self.first = 0
        used = machine.sibling_on_s / (machine.sibling_on_s + machine.sibling_off_s)
        self._beside = self._draw.random(machine.cpus) < (used if machine.sibling != 1.0 else 0.0)
        self._epochs: dict[int, tuple[Floats, int]] = {}
        self._skies: dict[tuple[int, int, int], Sky] = {}
        self._next = 0
        m = machine
        self._crowded = m.speed(m.cpus) != 1.0 or m.neighbours or m.quota
        self._still = quiet or not (m.drift or m.noise or m.bursts_per_s or m.neighbours or m.steal or m.sibling != 1.0)

    def at(self, now: float, workers: int) -> Sky:
        """Return what so many workers are given at a moment."""
        machine = self.machine
        if self._still and (workers <= machine.cpus or workers % machine.cpus == 0):
            index, until = -1, math.inf
        else:
            index = int(now / EPOCH_S + _ROUNDING)
            until = (index + 1) * EPOCH_S
        sky = self._skies.get((index, workers, self.first))
        if sky is None:
            slow, neighbours = (np.ones(machine.cpus), 0) if self._still else self._epoch(index)
            sky = self._skies[index, workers, self.first] = self._sky(until, slow, neighbours, workers)
            if len(self._skies) > 2 * _KEPT:
                self._skies = {key: value for key, value in self._skies.items() if key[0] > index - _KEPT}
        return sky

    def _epoch(self, index: int) -> tuple[Floats, int]:
        """Return (how much slower each CPU is, how many neighbours are busy)."""
        while self._next <= index:
            self._epochs[self._next] = self._advance(self._next * EPOCH_S)
            self._epochs.pop(self._next - _KEPT, None)
            self._next += 1
        return self._epochs[index]

    def _advance(self, now: float) -> tuple[Floats, int]:
        machine, draw = self.machine, self._draw
        slow = max(_FASTEST, 1.0 + machine.drift * now / 60.0)
        if machine.noise:
            kept = math.exp(-EPOCH_S / machine.noise_s)
            self._noise = kept * self._noise + math.sqrt(1.0 - kept * kept) * machine.noise * draw.normal()
            slow *= math.exp(self._noise)
        if machine.bursts_per_s:
            self._burst_s -= EPOCH_S
            if draw.random() < machine.bursts_per_s * EPOCH_S:
                self._burst_s = draw.exponential(machine.burst_s)
            slow *= machine.burst if self._burst_s > 0 else 1.0
        if machine.neighbours:
            mean = np.where(self._busy, machine.neighbour_on_s, machine.neighbour_off_s)
            self._busy ^= draw.random(machine.neighbours) < EPOCH_S / mean
        if machine.sibling != 1.0:
            mean = np.where(self._beside, machine.sibling_on_s, machine.sibling_off_s)
            self._beside ^= draw.random(machine.cpus) < EPOCH_S / mean
        return slow * np.where(self._beside, machine.sibling, 1.0), int(self._busy.sum())

    def _sky(self, until: float, slow: Floats, neighbours: int, workers: int) -> Sky:
        """Spread workers and neighbours evenly over the CPUs, who with whom by chance."""
        machine, count = self.machine, workers + neighbours
        share, beside = np.ones(workers), np.full(workers, workers - 1.0)
        if count > machine.cpus:
            cpu = self._draw.permutation(count) % machine.cpus
            own, threads = cpu[:workers], np.bincount(cpu, minlength=machine.cpus)
            share = 1.0 / threads[own]
            ours = np.bincount(own, minlength=machine.cpus) / threads  # how much of each CPU runs a worker
            beside = ours.sum() - ours[own]
        stolen = np.zeros(workers)
        if machine.steal and not self.quiet:
            hit = self._draw.random(workers) < machine.steal / _STOLEN_AT_ONCE
            stolen = np.where(hit, 1.9 * _STOLEN_AT_ONCE * self._draw.random(workers), 0.0)
        return Sky(until, slow, neighbours, share, stolen, beside)

    def run(
        self, start: Floats, work: Floats, threads: int = 1, smt_yield: float = 0.0, rise: Floats | float = 0.0
    ) -> Ran:
        """Let every worker compute, all at the same time.

        Parameters
        ----------
        work : array of float, shape (workers,)
            CPU seconds on a machine with one busy CPU.
        threads : int
            How many threads share the work of each worker.
        smt_yield : float
            Of this code; 0: that of the machine.
        rise : array of float, shape (workers,), or float
            By how much the work of each grows while all of them run, as far as there are CPUs: a part of ``work``.
        """
        rise = np.broadcast_to(np.asarray(rise, dtype=float), work.shape)
        most = max(1.0, min(len(work), self.machine.cpus) - 1.0)
        now, left, cpus = start.copy(), work / threads, self.machine.cpus
        ran = Ran(now, np.zeros_like(now), np.zeros_like(now), np.zeros_like(now))
        while len(on := np.flatnonzero(left)):  # those still at it have the CPUs for themselves
            sky = self.at(float(now[on].min()), len(on) * threads)
            share, lost = sky.share[: len(on)], sky.stolen[: len(on)]
            allowed = self._allowed(min(len(on) * threads, cpus))
            speed = self.machine.speed(min(len(on) * threads + sky.neighbours, cpus), smt_yield)
            speed = speed / sky.slow[(self.first + on) % cpus]
            if rise.any():
                beside = np.minimum(1.0, sky.beside[: len(on)] / most)
                speed = speed * (1.0 + rise[on]) / (1.0 + rise[on] * beside)
            given = (1.0 - lost) * share * allowed
            need = left[on] / (given * speed)
            took = np.minimum(need, np.maximum(0.0, sky.until - now[on]))
            if self._crowded:
                took = np.minimum(took, np.partition(need, k := len(on) // _STAGES)[k])
            now[on] += took
            left[on] = np.where(took >= need, 0.0, left[on] - took * given * speed)
            ran.cpu[on] += took * given
            ran.stolen[on] += took * lost
            ran.queued[on] += took * (1.0 - lost) * (1.0 - share * allowed)
            ran.throttled += threads * float((took * (1.0 - lost) * share).sum()) * (1.0 - allowed)
        return ran

    def run_one(
        self, index: int, now: float, work: float, workers: int, active: int, smt_yield: float
    ) -> tuple[float, ...]:
        """Let one worker compute while so many of them do; return (end, CPU time, queued, stolen)."""
        end, cpu, queued, stolen = now, 0.0, 0.0, 0.0
        cpus = self.machine.cpus
        while work > 1e-12:
            sky = self.at(end, workers)
            count = active + sky.neighbours
            share = 1.0 if count <= cpus else float(sky.share[index]) if active == workers else cpus / count
            share *= self._allowed(min(active, cpus))
            lost, speed = float(sky.stolen[index]), self.machine.speed(min(count, cpus), smt_yield)
            speed /= float(sky.slow[(self.first + index) % cpus])
            given = (1.0 - lost) * share
            took = min(work / (given * speed), max(sky.until - end, 1e-9))
            end += took
            work -= took * given * speed
            cpu += took * given
            stolen += took * lost
            queued += took * (1.0 - lost) * (1.0 - share)
        return end, cpu, queued, stolen

    def _allowed(self, running: int) -> float:
        """Return the share of the running threads' time that the quota leaves them."""
        return min(1.0, self.machine.quota / running) if self.machine.quota else 1.0
