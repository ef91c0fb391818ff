"""A closed queueing network: workers that go round between time of their own and stations they use one at a time.

A *cycle* is one turn: ``think_s`` by oneself, then one visit to each station. One worker alone needs the sum, several
wait for each other. A *station* is the GIL, the parent that hands out tasks, a lock, or the memory bus.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

_POINTS = 32  # of a distribution: its second moment to 2 % even where it is exponential
_SPREAD = 256  # how often each point occurs in the shuffled sample that is gone through


def exponential(points: int = _POINTS) -> tuple[float, ...]:
    """Return means of equally likely slices of the exponential distribution with mean 1.

    The mean of the slice from a to b of the survival function is a (1 - ln a) - b (1 - ln b), over its width.
    """

    def upto(left: float) -> float:
        return left * (1.0 - math.log(left)) if left > 0 else 0.0

    edges = [1.0 - index / points for index in range(points + 1)]
    return tuple(points * (upto(a) - upto(b)) for a, b in itertools.pairwise(edges))


CONSTANT, EXPONENTIAL = (1.0,), exponential()


def shape_of(lengths: Sequence[float], points: int = _POINTS) -> tuple[float, ...]:
    """Return a sample as at most so many equally likely values with mean 1: means of slices of the sorted sample."""
    ordered, most = sorted(lengths), min(points, len(lengths))
    mean = math.fsum(ordered) / len(ordered) if ordered else 0.0
    if mean <= 0:
        return CONSTANT
    edges = [round(index * len(ordered) / most) for index in range(most + 1)]
    slices = (ordered[a:b] for a, b in itertools.pairwise(edges))
    means = [math.fsum(part) / len(part) / mean for part in slices]
    again = math.fsum(means) / len(means)  # slices differ by one value
    return tuple(value / again for value in means)


def variation(shape: Sequence[float]) -> float:
    """Return the squared coefficient of variation: 0 for constant lengths, about 1 for exponential ones."""
    return math.fsum((value - 1.0) ** 2 for value in shape) / len(shape)


@dataclass(frozen=True, slots=True)
class Price:
    """What a contended hand-off costs, by the number of those who wait: straight lines over the logarithm.

    ``waiting`` ascending; ``seconds`` of each; a single entry is a constant. Beyond the ends it stays what it is there.
    """

    waiting: tuple[float, ...] = (1.0,)
    seconds: tuple[float, ...] = (0.0,)

    def at(self, waiting: float) -> float:
        """Return the price for so many who wait."""
        logs = [math.log(each) for each in self.waiting]
        where = math.log(max(1.0, waiting))
        after = bisect.bisect_right(logs, where)
        if after == 0 or after == len(logs):
            return self.seconds[min(after, len(logs) - 1)]
        share = (where - logs[after - 1]) / (logs[after] - logs[after - 1])
        return self.seconds[after - 1] + share * (self.seconds[after] - self.seconds[after - 1])


FREE = Price()


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What one worker uses at a time.

    Parameters
    ----------
    name : str
        ``gil``, ``parent``, ``lock`` or ``memory``.
    seconds : float
        Mean length of a visit.
    shape : tuple of float
        Equally likely lengths, relative to the mean.
    price : Price
        What a visit takes longer where somebody had to wait for it.
    """

    name: str
    seconds: float
    shape: tuple[float, ...] = EXPONENTIAL
    price: Price = FREE


@dataclass(frozen=True, kw_only=True)
class Network:
    """A closed network.

    Parameters
    ----------
    stations : tuple of Station
        In the order of the visits.
    think_s : float
        Mean time by oneself in a cycle.
    think_shape : tuple of float
        As of a station.
    computing : float
        Share of ``think_s`` that needs a CPU; visits to stations need one all the time.
    cpus : int or None
        CPUs that all workers share; None: one each.
    """

    stations: tuple[Station, ...]
    think_s: float
    think_shape: tuple[float, ...] = EXPONENTIAL
    computing: float = 1.0
    cpus: int | None = field(default=None)

    @cached_property
    def cycle_s(self) -> float:
        """Mean length of a cycle of one worker alone."""
        return self.think_s + math.fsum(station.seconds for station in self.stations)

    @property
    def busiest(self) -> Station | None:
        """The station that limits first."""
        return max(self.stations, key=lambda station: station.seconds, default=None)

    def share(self, station: Station) -> float:
        """Return the share of its time that one worker alone uses a station."""
        return station.seconds / self.cycle_s if self.cycle_s > 0 else 0.0

    @property
    def cpu_share(self) -> float:
        """CPUs that one worker alone keeps busy."""
        return 1.0 - (1.0 - self.computing) * self.think_s / self.cycle_s if self.cycle_s > 0 else 1.0

    def crowded(self, workers: int) -> bool:
        """Whether so many workers may want more CPUs than there are."""
        return self.cpus is not None and workers > self.cpus

    def alone(self, station: Station) -> Network:
        """Return the network with one station, the time in the others being the workers' own."""
        own_s = self.cycle_s - station.seconds
        ran_s = own_s - (1.0 - self.computing) * self.think_s
        return replace(
            self, stations=(station,), think_s=own_s, computing=min(1.0, ran_s / own_s) if own_s > 0 else 1.0
        )


def drawn(shape: Sequence[float], mean: float, seed: int) -> list[float]:
    """Return lengths to go through in turn: every value equally often, in random order."""
    return [mean * value for value in _shuffled(tuple(shape), seed)]


@lru_cache(maxsize=64)
def _shuffled(shape: tuple[float, ...], seed: int) -> list[float]:
    values = list(shape) * max(1, _SPREAD * _POINTS // len(shape))
    random.Random(seed).shuffle(values)
    return values
