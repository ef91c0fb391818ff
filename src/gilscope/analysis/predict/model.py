"""How far it will scale: a band of speed-ups for any number of workers, and the limit for all numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeAlias

from gilscope.analysis.predict.bounds import exponential_visits, saturated, upper
from gilscope.analysis.predict.network import EXPONENTIAL, FREE, Network, Price, Station, variation
from gilscope.analysis.predict.simulation import simulated
from gilscope.stats import Estimate

End: TypeAlias = Literal["low", "value", "high"]
Source: TypeAlias = tuple[Literal["share", "price"], int]
"""What is uncertain: the share or the price of a station, by its index."""

SLACK = 0.02
"""By how much of the value the band is wider at least: what the simulation scatters (1 %), and that holds and sleeps
follow each other in the order of a program, not at random."""

WORKERS = (4, 16, 64, 256, 1024)
"""Numbers of workers for which a speed-up is predicted where none are given."""

_NEVER_IDLE, _EVEN = 0.998, 1.2  # utilisation from which a station is always in use; largest variation of its visits
_KNEE = 0.9  # of p, up to which workers hardly wait
_ENDS: tuple[End, ...] = ("low", "value", "high")
_NO_LIMIT = 1e4  # workers beyond which a limit says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one worker alone uses of a station.

    Parameters
    ----------
    station : {"gil", "parent", "lock", "memory"}
    share : Estimate
        Of its time.
    shape : tuple of float
        Equally likely lengths of a visit, relative to the mean.
    prices : tuple of Price
        Of a contended hand-off: least, likely and most.
    """

    station: str
    share: Estimate
    shape: tuple[float, ...] = EXPONENTIAL
    prices: tuple[Price, Price, Price] = (FREE, FREE, FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What one worker alone does.

    Parameters
    ----------
    stations : tuple of Demand
    cycle_s : float
        Time between two visits, visits included; of stations without a price any unit will do.
    own_shape : tuple of float
        Lengths of what is between visits, as ``shape``.
    computing : float
        Share of the time outside stations that needs a CPU.
    """

    stations: tuple[Demand, ...]
    cycle_s: float = 1.0
    own_shape: tuple[float, ...] = EXPONENTIAL
    computing: float = 1.0

    @property
    def sources(self) -> tuple[Source, ...]:
        """What is uncertain."""
        shares: list[Source] = [("share", at) for at in range(len(self.stations))]
        return (*shares, *(("price", at) for at, one in enumerate(self.stations) if len(set(one.prices)) > 1))

    def network(self, end: End = "value", cpus: int | None = None, of: Source | None = None) -> Network:
        """Return the network with an end of all intervals, or of that of one source.

        ``high`` is the speed-up's end, so that of the least demands.
        """
        other: End = {"low": "high", "high": "low"}.get(end, "value")  # type: ignore[assignment]

        def end_of(source: Source) -> End:
            return other if of in (None, source) else "value"

        shares = [max(0.0, getattr(one.share, end_of(("share", at)))) for at, one in enumerate(self.stations)]
        together = max(1.0, math.fsum(shares))
        made = tuple(
            Station(
                name=one.station,
                seconds=self.cycle_s * share / together,
                shape=one.shape,
                price=one.prices[_ENDS.index(end_of(("price", at)))],
            )
            for at, (one, share) in enumerate(zip(self.stations, shares, strict=True))
        )
        think_s = max(0.0, self.cycle_s - math.fsum(one.seconds for one in made))
        return Network(stations=made, think_s=think_s, think_shape=self.own_shape, computing=self.computing, cpus=cpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A speed-up that is expected.

    Parameters
    ----------
    workers : int
    speedup : Estimate
        ``low`` and ``high`` hold what the intervals of the demands allow, and ``SLACK``.
    bound_by : str
        What limits it: the name of a station, ``cpus``, or ``workers`` where nothing does yet.
    """

    workers: int
    speedup: Estimate
    bound_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The speed-up that no number of workers exceeds, and the station that decides it."""

    speedup: Estimate
    bound_by: str


def speedup(network: Network, workers: int) -> float:
    """Return the speed-up of a network: by formula where a station is always in use, else simulated.

    O(p) or, simulated, O(cycles log p) with 8000 cycles or 16 per worker: 5 ms for 64 workers, 15 ms for 1024.
    """
    busiest = network.busiest
    if workers == 1 or busiest is None or busiest.seconds <= 0:
        return upper(network, workers)
    share = network.share(busiest)
    if not network.crowded(workers) and variation(busiest.shape) <= _EVEN:
        others = network.cycle_s - network.think_s - busiest.seconds
        if others <= busiest.seconds / 2 and exponential_visits(workers, share) >= _NEVER_IDLE / share:
            return saturated(network, busiest, workers)
    return min(simulated(network, workers), upper(network, workers))


@lru_cache(maxsize=1024)
def predict(demands: Demands, workers: tuple[int, ...], cpus: int | None = None) -> tuple[Prediction, ...]:
    """Predict the speed-up for each worker count; with ``cpus`` given, on so many CPUs, else on one each.

    Kept, for all cases of a way to run have the same demands. Shares and prices are measured apart, so their errors are
    independent: what each end of each interval makes of the speed-up is added in quadrature.
    """
    network, most = demands.network(cpus=cpus), demands.network("high", cpus)
    ends = [[demands.network(end, cpus, of) for end in ("low", "high")] for of in demands.sources]
    return tuple(_prediction(network, most, ends, demands, count) for count in workers)


def _prediction(
    network: Network, most: Network, ends: Sequence[Sequence[Network]], demands: Demands, workers: int
) -> Prediction:
    value = speedup(network, workers)
    reached = [[speedup(end, workers) for end in both] for both in ends]
    low = value - math.hypot(*(max(0.0, value - min(both)) for both in reached))
    high = value + math.hypot(*(max(0.0, max(both) - value) for both in reached))
    known = [one.share for one in demands.stations]
    slack = SLACK if workers > 1 and network.stations else 0.0
    return Prediction(
        workers=workers,
        speedup=Estimate(
            value=value,
            low=low * (1.0 - slack),
            high=max(value, min(high * (1.0 + slack), upper(most, workers))),
            confidence=min((one.confidence for one in known), default=0.0),
            n=min((one.n for one in known), default=0),
        ),
        bound_by=_bound_by(network, workers, value),
    )


def _bound_by(network: Network, workers: int, value: float) -> str:
    if value >= _KNEE * workers:
        return "workers"
    busiest = network.busiest
    by_station = 1.0 / network.share(busiest) if busiest is not None and busiest.seconds > 0 else math.inf
    by_cpus = network.cpus / network.cpu_share if network.cpus is not None else math.inf
    return "cpus" if by_cpus < by_station or busiest is None else busiest.name


def limit(demands: Demands) -> Limit | None:
    """Return the least of 1 / h over the stations; None where there is none below 10,000 workers."""
    first = max(demands.stations, key=lambda one: one.share.value, default=None)
    if first is None or first.share.value * _NO_LIMIT < 1.0:
        return None
    share = first.share
    found = replace(
        share,
        value=max(1.0, 1.0 / share.value),
        low=max(1.0, 1.0 / min(1.0, share.high)),
        high=max(1.0, 1.0 / share.low) if share.low * _NO_LIMIT > 1.0 else math.inf,
    )
    return Limit(speedup=found, bound_by=first.station)
