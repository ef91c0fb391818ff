"""What is certain of a closed network whatever its distributions, and what is exact for some of them."""

from __future__ import annotations

from gilscope.analysis.predict.network import Network, Station


def upper(network: Network, workers: int) -> float:
    """Return the largest speed-up: p, 1 / h of every station, and m / u of m CPUs of which a worker keeps u busy.

    Operational analysis: Denning & Buzen, The Operational Analysis of Queueing Network Models, Computing Surveys 10(3),
    1978. O(stations).
    """
    most = [float(workers)]
    most += [1.0 / share for station in network.stations if (share := network.share(station)) > 0]
    if network.cpus is not None:
        most.append(network.cpus / network.cpu_share)
    return min(most)


def lower(network: Network, workers: int) -> float:
    """Return p / (1 + (p - 1) h), with h the share of the time in all stations: everybody waits for all others.

    Amdahl's law (AFIPS 1967), with the stations as its serial part; of operational analysis the bound in which a
    worker finds all others before it. With too few CPUs those too are waited for. O(stations).
    """
    waits = sum(network.share(station) for station in network.stations)
    crowd = max(1.0, workers * network.cpu_share / network.cpus) if network.cpus is not None else 1.0
    return workers / (crowd + (workers - 1) * waits)


def exponential_visits(workers: int, share: float) -> float:
    """Return the speed-up of p workers at one station with exponential visits, used for ``share`` of the time alone.

    The machine repairman M/M/1//N: its utilisation is 1 - B(p, (1 - h) / h) with B Erlang's loss formula, by the
    recursion 1 / B(n) = 1 + n / (a B(n - 1)). Exact whatever the distribution of the time between visits
    (insensitivity; Lazowska et al., Quantitative System Performance, 1984, 6.2; Cooper, Introduction to Queueing
    Theory, 1981, 3.8). O(p). Too low for visits that vary less, too high for those that vary more.
    """
    if share >= 1.0:
        return 1.0
    if share <= 0.0:
        return float(workers)
    offered, inverse = (1.0 - share) / share, 1.0
    for number in range(1, workers + 1):
        inverse = 1.0 + number / offered * inverse
        if inverse > 1e15:  # nobody ever finds it free
            return 1.0 / share
    return (1.0 - 1.0 / inverse) / share


def saturated(network: Network, station: Station, workers: int) -> float:
    """Return the speed-up where a station is always in use and always waited for: 1 / (h + c) of a cycle.

    The price of a hand-off depends on how many wait, and that on the price: p less those away, of Little's law; a few
    steps settle it.
    """
    away_s, busy_s = network.cycle_s - station.seconds, station.seconds
    for _ in range(20):
        waiting = max(1.0, workers - 1.0 - away_s / busy_s)
        busy_s = 0.5 * (busy_s + station.seconds + station.price.at(waiting))
    return network.cycle_s / busy_s
