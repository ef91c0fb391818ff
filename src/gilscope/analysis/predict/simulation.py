"""A closed network played event by event, where formulas do not hold: visits and thinking that are neither constant nor
exponential around p h = 1, several stations, and fewer CPUs than workers.

Every distribution is gone through in shuffled order with each value equally often, so that means are exact and only
the order is random: a few thousand cycles give a speed-up to about 1 per cent. The same seed gives the same result.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import cycle

from gilscope.analysis.predict.network import Network, drawn

_CYCLES, _CYCLES_EACH = 8000, 16  # altogether, and of each worker: the larger number counts
_WARMED = 0.25  # of the cycles are not counted

_CEILING = 1e-12


def simulated(network: Network, workers: int, seed: int = 1) -> float:
    """Return the speed-up of so many workers over one.

    Stations serve first come, first served; whoever had to wait pays the price of a hand-off. With fewer CPUs than
    workers all that compute share them evenly (processor sharing), the holder of a station too: an approximation of
    what a scheduler does, and only the busiest station is waited for.

    Notes
    -----
    O(cycles x stations x log p), about 1 us each; 1024 workers take some 30 ms. Fails to be right where a scheduler
    prefers the holder, and where workers are not alike.
    """
    busiest = network.busiest
    if network.crowded(workers) and network.cpu_share > 0:
        return _crowded(network.alone(busiest) if busiest else network, workers, seed)
    return _in_turns(network, workers, seed)


def _in_turns(network: Network, workers: int, seed: int) -> float:
    """Play workers with a CPU each: a heap of arrivals, for what comes first is served first."""
    think = cycle(drawn(network.think_shape, network.think_s, seed))
    stations = network.stations
    visits = [cycle(drawn(one.shape, one.seconds, seed + at + 1)) for at, one in enumerate(stations)]
    prices = [one.price.at if max(one.price.seconds) > 0 else None for one in stations]
    free, last = [0.0] * len(stations), len(stations) - 1
    if last < 0:
        return float(workers)
    arrivals = [(next(think) * (at + 0.5) / workers, at, 0) for at in range(workers)]
    heapq.heapify(arrivals)
    wanted = max(_CYCLES, _CYCLES_EACH * workers)
    first, done, began = int(_WARMED * wanted), 0, 0.0
    now = 0.0
    while done < wanted:
        now, worker, at = arrivals[0]
        start, length = free[at], next(visits[at])
        if start > now:
            price = prices[at]
            if price is not None:
                length += price((start - now) / max(stations[at].seconds, _CEILING))
        else:
            start = now
        end = free[at] = start + length
        if at < last:
            heapq.heapreplace(arrivals, (end, worker, at + 1))
            continue
        heapq.heapreplace(arrivals, (end + next(think), worker, 0))
        done += 1
        if done == first:
            began = end
    return (wanted - first) * network.cycle_s / (end - began)


def _crowded(network: Network, workers: int, seed: int) -> float:
    """Play workers that share CPUs."""
    crowd = _Crowd(network, workers, seed)
    wanted = max(_CYCLES, _CYCLES_EACH * workers)
    first = int(_WARMED * wanted)
    crowd.play(first)
    began = crowd.now
    crowd.play(wanted)
    return (wanted - first) * network.cycle_s / (crowd.now - began)


class _Crowd:
    """Workers that share CPUs: those that compute all move on at one rate, which a common clock shows.

    The clock of work gains min(1, m / n) s per second while n workers compute on m CPUs. So ends of computing are a
    heap by that clock, and ends of sleep one by time.
    """

    def __init__(self, network: Network, workers: int, seed: int) -> None:
        assert network.cpus is not None
        self.now = self.worked = 0.0
        self.done = 0
        self._cpus, self._computing = network.cpus, network.computing
        self._think = cycle(drawn(network.think_shape, network.think_s, seed))
        self._station = network.stations[0] if network.stations else None
        visits = drawn(self._station.shape, self._station.seconds, seed + 1) if self._station else [0.0]
        self._visits = cycle(visits)
        self._running: list[tuple[float, int, bool]] = []  # (clock of work at its end, worker, whether in the station)
        self._asleep: list[tuple[float, int]] = []
        self._queue: deque[int] = deque()
        self._held = False
        self._rest = [0.0] * workers
        for worker in range(workers):
            self._begin(worker)

    def play(self, done: int) -> None:
        """Go on until so many cycles are done."""
        while self.done < done:
            rate = min(1.0, self._cpus / len(self._running)) if self._running else 1.0
            until = self.now + (self._running[0][0] - self.worked) / rate if self._running else math.inf
            if self._asleep and self._asleep[0][0] <= until:
                when, worker = heapq.heappop(self._asleep)
                self.worked += (when - self.now) * rate if self._running else 0.0
                self.now = when
                self._arrive(worker)
                continue
            self.worked, worker, inside = heapq.heappop(self._running)
            self.now = until
            if inside:
                self._leave(worker)
            elif self._rest[worker] > 0:
                heapq.heappush(self._asleep, (self.now + self._rest[worker], worker))
            else:
                self._arrive(worker)

    def _begin(self, worker: int) -> None:
        length = next(self._think)
        self._rest[worker] = length * (1.0 - self._computing)
        heapq.heappush(self._running, (self.worked + length * self._computing, worker, False))

    def _arrive(self, worker: int) -> None:
        if self._station is None:
            self.done += 1
            self._begin(worker)
        elif self._held:
            self._queue.append(worker)
        else:
            self._serve(worker, 0.0)

    def _serve(self, worker: int, price_s: float) -> None:
        self._held = True
        heapq.heappush(self._running, (self.worked + next(self._visits) + price_s, worker, True))

    def _leave(self, worker: int) -> None:
        self._held = False
        if self._queue and self._station is not None:
            price_s = self._station.price.at(len(self._queue))
            self._serve(self._queue.popleft(), price_s)
        self.done += 1
        self._begin(worker)
