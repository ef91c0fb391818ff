"""The model against closed forms, and against a simulator that others wrote."""

from __future__ import annotations

import importlib
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis.predict.bounds import exponential_visits, lower, saturated, upper
from gilscope.analysis.predict.demands import share_from
from gilscope.analysis.predict.model import SLACK, Demand, Demands, limit, predict, speedup
from gilscope.analysis.predict.network import (
    CONSTANT,
    EXPONENTIAL,
    Network,
    Price,
    Station,
    exponential,
    shape_of,
    variation,
)
from gilscope.analysis.predict.simulation import simulated
from gilscope.stats import Estimate

BIMODAL = tuple([0.3] * 28 + [(32 - 28 * 0.3) / 4] * 4)
SHAPES = {"constant": CONSTANT, "exponential": EXPONENTIAL, "bimodal": BIMODAL}


def one_station(share: float, hold=EXPONENTIAL, own=EXPONENTIAL, **more) -> Network:
    station = Station(name="gil", seconds=share, shape=hold, **more.pop("station", {}))
    return Network(stations=(station,), think_s=1.0 - share, think_shape=own, **more)


def certain(share: float, spread: float = 0.0) -> Estimate:
    return Estimate(value=share, low=share * (1 - spread), high=share * (1 + spread), confidence=0.95, n=10)


# Closed forms


@pytest.mark.parametrize(("workers", "share"), [(2, 0.5), (4, 0.25), (10, 0.1), (20, 0.05), (40, 0.05), (100, 0.01)])
@pytest.mark.parametrize("own", sorted(SHAPES))
def test_exponential_visits_are_the_machine_repairman_whatever_is_between(workers, share, own):
    found = simulated(one_station(share, EXPONENTIAL, SHAPES[own]), workers)
    assert found == pytest.approx(exponential_visits(workers, share), rel=0.015)


def test_the_machine_repairman_by_hand():
    """Two workers that use it half of the time: states 0, 1, 2 at it with weights 1, 2, 2, so it is idle 1 / 5."""
    assert exponential_visits(2, 0.5) == pytest.approx(0.8 / 0.5)
    assert exponential_visits(1, 0.3) == pytest.approx(1.0)
    assert exponential_visits(10**4, 0.5) == pytest.approx(2.0)
    assert exponential_visits(7, 0.0) == 7.0
    assert exponential_visits(7, 1.0) == 1.0


@pytest.mark.parametrize(("workers", "share"), [(4, 0.25), (10, 0.05), (16, 0.1), (64, 0.01), (1024, 0.001)])
def test_constant_times_reach_the_bound(workers, share):
    """Workers take turns without waiting: min(p, 1 / h) exactly."""
    found = simulated(one_station(share, CONSTANT, CONSTANT), workers)
    assert found == pytest.approx(min(workers, 1 / share), rel=1e-3)


def test_two_workers_with_constant_visits_and_exponential_thinking():
    """M/D/1//2 by its regeneration: one is served while the other thinks, from whose end the wait follows.

    With visits of 1 and thinking of mean Z: the server is idle for Z / 2 if both think, which happens with the
    probability exp(-1 / Z) that the other one did not come during a visit; a visit takes 1.
    """
    think = 3.0
    came = math.exp(-1.0 / think)
    utilisation = 1.0 / (1.0 + came * think / 2.0)
    found = simulated(one_station(1.0 / (1.0 + think), CONSTANT, exponential(256)), 2)
    assert found == pytest.approx(utilisation * (1.0 + think), rel=0.01)


@pytest.mark.parametrize(("workers", "cpus"), [(3, 2), (8, 4), (64, 16)])
def test_computing_alone_fills_all_cpus(workers, cpus):
    bare = Network(stations=(), think_s=1.0, cpus=cpus)
    assert simulated(bare, workers) == pytest.approx(cpus, rel=0.01)


@pytest.mark.parametrize(("workers", "cpus", "computing"), [(4, 2, 0.5), (8, 2, 0.25), (20, 4, 0.2)])
def test_sleep_and_few_cpus_are_erlangs_queue(workers, cpus, computing):
    """M/M/m//N: exponential computing after exponential sleep; the birth-death chain gives the throughput.

    One draw decides both here, so that a long sleep follows long computing; in this network that changes nothing, for
    time asleep is insensitive.
    """
    weights, rate, asleep = [1.0], 1.0 / computing, 1.0 / (1.0 - computing)
    for running in range(1, workers + 1):
        weights.append(weights[-1] * (workers - running + 1) * asleep / (min(running, cpus) * rate))
    busy = sum(weight * min(running, cpus) for running, weight in enumerate(weights)) / sum(weights)
    found = simulated(Network(stations=(), think_s=1.0, computing=computing, cpus=cpus), workers)
    assert found == pytest.approx(busy / computing, rel=0.02)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_cpus_enough_are_as_one_each(workers):
    plain = one_station(0.3)
    few = one_station(0.3, cpus=4, computing=0.8)
    assert speedup(few, workers) == pytest.approx(speedup(plain, workers))


def test_the_processor_sharing_simulation_agrees_with_turns_where_cpus_suffice():
    from gilscope.analysis.predict import simulation

    wide = one_station(0.2, CONSTANT, BIMODAL, cpus=16)
    assert simulation._crowded(wide, 8, 1) == pytest.approx(simulated(one_station(0.2, CONSTANT, BIMODAL), 8), rel=0.02)


# A simulator that others wrote


ORACLE = Path(__file__).resolve().parents[3] / "build" / "oracle"


def oracle() -> Any:
    """Return ciw, which `make test` installs apart: it brings a package called tests."""
    sys.path.append(str(ORACLE))
    try:
        return importlib.import_module("ciw")
    except ImportError:
        pytest.skip("ciw is not installed in build/oracle: make test does it")
    finally:
        sys.path.remove(str(ORACLE))


def by_ciw(share: float, hold, own, workers: int, seed: int = 1, cpus: float = math.inf) -> float:
    """Return the speed-up of the same closed network in ciw: thinking has a server for everybody."""
    holds = [share * value for value in hold]
    thinks = [(1.0 - share) * value for value in own]
    ends = 400.0 / share / max(1.0, min(workers, 1.0 / share)) * 12 + 100
    ciw = oracle()
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([1e-9, math.inf]), None],
        batching_distributions=[ciw.dists.Deterministic(workers), ciw.dists.Deterministic(1)],
        service_distributions=[ciw.dists.Empirical(thinks), ciw.dists.Empirical(holds)],
        number_of_servers=[cpus, 1],
        routing=[[0.0, 1.0], [1.0, 0.0]],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(ends)
    warm = 0.2 * ends
    visits = [one for one in simulation.get_all_records() if one.node == 2 and warm < one.exit_date < ends]
    return len(visits) / (ends - warm)


@pytest.mark.parametrize("hold", sorted(SHAPES))
@pytest.mark.parametrize("own", sorted(SHAPES))
@pytest.mark.parametrize(("workers", "share"), [(4, 0.25), (12, 0.1)])
def test_the_simulation_agrees_with_ciw_around_the_knee(hold, own, workers, share):
    if hold == own == "constant":
        return  # all start at once there and stay in step: the closed form is tested above
    theirs = [by_ciw(share, SHAPES[hold], SHAPES[own], workers, seed) for seed in (1, 2, 3)]
    mean = sum(theirs) / len(theirs)
    scatter = max(theirs) - min(theirs)
    assert simulated(one_station(share, SHAPES[hold], SHAPES[own]), workers) == pytest.approx(
        mean, abs=0.02 * mean + scatter
    )


def test_plain_theory_is_low_for_constant_visits_at_the_knee():
    """Mean value analysis takes visits for exponential: this is what the measured variability mends."""
    found = simulated(one_station(0.05, CONSTANT, CONSTANT), 20)
    assert exponential_visits(20, 0.05) < 0.88 * found


# Properties


shapes = st.sampled_from(sorted(SHAPES))


@given(st.integers(1, 200), st.floats(0.001, 1.0), shapes, shapes)
def test_a_speedup_is_within_the_bounds(workers, share, hold, own):
    network = one_station(share, SHAPES[hold], SHAPES[own])
    found = speedup(network, workers)
    assert lower(network, workers) * 0.97 <= found <= upper(network, workers) * (1 + 1e-9)


@given(st.integers(2, 100), st.floats(0.005, 0.9))
def test_a_price_only_costs(workers, share):
    free = one_station(share, CONSTANT)
    dear = one_station(share, CONSTANT, station={"price": Price((1.0,), (0.2 * share,))})
    assert speedup(dear, workers) <= speedup(free, workers) * 1.01


def test_a_price_is_paid_by_every_hand_off_where_all_wait():
    dear = one_station(0.5, station={"price": Price((1.0,), (0.25,))})
    assert saturated(dear, dear.stations[0], 64) == pytest.approx(1.0 / 0.75)
    assert speedup(dear, 64) == pytest.approx(1.0 / 0.75)


def test_prices_between_numbers_of_waiting_threads_are_on_a_line_over_the_logarithm():
    price = Price((1.0, 4.0, 64.0), (1.0, 3.0, 11.0))
    assert [price.at(count) for count in (0.1, 1, 2, 4, 16, 64, 1000)] == pytest.approx([1, 1, 2, 3, 7, 11, 11])


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200))
def test_a_shape_has_mean_one(lengths):
    assert math.fsum(shape_of(lengths)) / len(shape_of(lengths)) == pytest.approx(1.0)


def test_a_shape_keeps_the_variation():
    drawn = random.Random(3)
    assert variation(shape_of([drawn.expovariate(1.0) for _ in range(20_000)])) == pytest.approx(1.0, abs=0.08)
    assert variation(EXPONENTIAL) == pytest.approx(1.0, abs=0.06)
    assert shape_of([0.0]) == CONSTANT


# Predictions


def test_intervals_of_the_demands_are_carried_through():
    narrow = Demands(stations=(Demand(station="gil", share=certain(0.25)),))
    wide = Demands(stations=(Demand(station="gil", share=certain(0.25, 0.2)),))
    for one, other in zip(predict(narrow, (2, 4, 64)), predict(wide, (2, 4, 64)), strict=True):
        assert other.speedup.low < one.speedup.low <= one.speedup.value <= one.speedup.high < other.speedup.high + 1e-9
    most = limit(wide)
    assert most is not None
    assert (most.speedup.low, most.speedup.value, most.speedup.high) == pytest.approx((10 / 3, 4.0, 5.0))
    assert most.bound_by == "gil"


def test_errors_of_shares_and_prices_add_in_quadrature():
    """Where the station is always in use, S = 1 / (h + c / cycle): all three cases are known."""
    share, price = 0.25, tuple(Price((1.0,), (seconds,)) for seconds in (0.03, 0.05, 0.07))
    sure = (price[1],) * 3
    reached = []
    for spread, prices in ((0.1, sure), (0.0, price), (0.1, price)):
        demand = Demand(station="gil", share=certain(share, spread), shape=CONSTANT, prices=prices)
        (found,) = predict(Demands(stations=(demand,)), (256,))
        reached.append(found.speedup)
    by_share, by_price, by_both = (one.value - one.low / (1.0 - SLACK) for one in reached)
    assert by_share == pytest.approx(1.0 / 0.3 - 1.0 / 0.325)
    assert by_price == pytest.approx(1.0 / 0.3 - 1.0 / 0.32)
    assert by_both == pytest.approx(math.hypot(by_share, by_price))


def test_what_limits_is_named():
    both = Demands(stations=(Demand(station="gil", share=certain(0.02)), Demand(station="lock", share=certain(0.1))))
    few, many = predict(both, (2, 256))
    assert (few.bound_by, many.bound_by) == ("workers", "lock")
    assert many.speedup.value == pytest.approx(10.0, rel=0.02)
    (crowded,) = predict(Demands(stations=(Demand(station="gil", share=certain(0.02)),)), (64,), 4)
    assert crowded.bound_by == "cpus"
    assert crowded.speedup.value == pytest.approx(4.0, rel=0.03)


def test_one_worker_is_one():
    (alone,) = predict(Demands(stations=(Demand(station="gil", share=certain(0.4, 0.3)),)), (1,))
    assert alone.speedup.value == alone.speedup.high == 1.0


def test_what_hardly_uses_a_station_has_no_limit():
    assert limit(Demands(stations=(Demand(station="gil", share=certain(1e-6)),))) is None
    assert limit(Demands(stations=())) is None


@given(st.integers(2, 64), st.floats(0.02, 0.9))
def test_a_share_is_found_again_from_the_speedup(workers, share):
    seen = exponential_visits(workers, share)
    assert exponential_visits(workers, share_from(seen, workers)) == pytest.approx(seen, rel=1e-3)


def test_a_thousand_workers_take_well_under_a_second():
    """In CPU time, for the tests share the machine; a hundred times what it takes."""
    demands = Demands(stations=(Demand(station="gil", share=certain(0.00101, 0.05)),))
    began = time.process_time()
    predict(demands, (4, 16, 64, 256, 1024))
    assert time.process_time() - began < 10.0


# Fewer CPUs than workers


def by_small_steps(share: float, computing: float, workers: int, cpus: int, step: float = 0.004) -> float:
    """Return the speed-up of the same network moved on in steps of time: whoever has a CPU gets as much as the others.

    Independent of the simulation's heaps and clocks; constant visits after thinking that varies evenly from 0.5 to 1.5.
    """
    draw = random.Random(7)

    def think() -> list[float]:
        own = (1.0 - share) * draw.uniform(0.5, 1.5)
        return [own * computing, own * (1.0 - computing), share]  # computing, asleep, in the station

    left, queue = [think() for _ in range(workers)], list[int]()
    done, ends = 0, round(400.0 * max(1.0, workers / min(cpus, 1.0 / share)) / step / workers)
    for _ in range(ends):
        queue += [at for at, (own, rest, _) in enumerate(left) if own <= 0 and rest <= 0 and at not in queue]
        running = [at for at, (own, _, _) in enumerate(left) if own > 0] + queue[:1]
        rate = min(1.0, cpus / len(running)) if running else 0.0
        for parts in left:
            if parts[0] <= 0 < parts[1]:
                parts[1] -= step
        for at in running:
            parts = left[at]
            parts[0 if parts[0] > 0 else 2] -= step * rate
        if queue and left[queue[0]][2] <= 0:
            left[queue.pop(0)] = think()
            done += 1
    return done / (ends * step)


@pytest.mark.parametrize(
    ("share", "computing", "workers", "cpus"),
    [(0.2, 1.0, 6, 3), (0.1, 0.5, 12, 4), (0.3, 0.2, 5, 2), (0.05, 1.0, 8, 4)],
)
def test_few_cpus_that_all_share_evenly_are_as_in_steps_of_time(share, computing, workers, cpus):
    spread = tuple(0.5 + (at + 0.5) / 32 for at in range(32))
    network = one_station(share, CONSTANT, spread, cpus=cpus, computing=computing)
    assert simulated(network, workers) == pytest.approx(by_small_steps(share, computing, workers, cpus), rel=0.04)
