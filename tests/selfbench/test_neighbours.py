"""How net speed-ups beside neighbours are compared with those without."""

from __future__ import annotations

import collections

import pytest

from benchmarks.selfbench import neighbours, planted_faults
from benchmarks.selfbench.neighbours import LOADS, Seen, compared

CASE = "fault_held_150/cy_nogil@threads*2#M"


def runs(*net_by_load: float | None, repeats: int = 6) -> list[Seen]:
    return [
        Seen(case=CASE, neighbours=load, repeat=repeat, net=net, timed=1.0)
        for repeat in range(repeats)
        for load, net in zip(LOADS, net_by_load, strict=True)
    ]


def test_every_repetition_has_every_kernel_with_every_number_of_neighbours_in_an_order_of_its_own():
    order = list(neighbours.order(["a", "b"], 3, seed=1))
    assert set(collections.Counter(order).values()) == {1}
    assert len(order) == 3 * 2 * len(LOADS)
    assert [repeat for repeat, *_ in order] == sorted(repeat for repeat, *_ in order)
    assert len({tuple(rest for repeat, *rest in map(list, order) if repeat == one).__repr__() for one in range(3)}) > 1


def test_a_net_speedup_holds_within_the_tolerance_only():
    quiet, near, far = compared(runs(1.5, 1.46, 1.44))
    assert quiet.over_quiet.value == 1.0
    assert near.over_quiet.value == pytest.approx(1.46 / 1.5)
    assert (near.holds(0.03), far.holds(0.03)) == (True, False)
    assert "TOO FAR" in neighbours.line(far, 0.03)
    assert "TOO FAR" not in neighbours.line(near, 0.03)


def test_each_repetition_is_compared_with_its_own_quiet_run():
    rows = [
        Seen(case=CASE, neighbours=load, repeat=repeat, net=1.5 * drift, timed=1.0)
        for repeat, drift in enumerate((0.5, 1.0, 1.0, 1.2, 0.8, 1.1))
        for load in LOADS
    ]
    assert all(row.over_quiet.low == row.over_quiet.high == 1.0 for row in compared(rows))


def test_a_run_covers_the_quiet_value_with_its_own_interval():
    def run(load: int, net: float, low: float, high: float) -> Seen:
        return Seen(case=CASE, neighbours=load, repeat=0, net=net, timed=1.0, interval=(low, high))

    _, wide, wrong = compared([run(0, 1.5, 1.48, 1.52), run(1, 1.9, 1.0, 2.0), run(2, 1.9, 1.8, 2.0)])
    assert (wide.covering, wrong.covering) == (1, 0)
    assert neighbours.line(wide, 0.03).endswith("| 1 of 1 |")


def test_a_speedup_that_is_not_known_does_not_hold():
    *_, unknown = compared(runs(1.5, 1.5, None))
    assert not unknown.holds(0.03)


def test_few_repetitions_have_their_range():
    *_, two = compared(runs(1.5, 1.5, 1.5, repeats=2))
    assert (two.over_quiet.n, two.over_quiet.confidence) == (2, 0.5)


def test_planted_shares_have_their_known_speedup():
    assert neighbours.known_speedup(CASE) == 1.5
    assert neighbours.known_speedup(CASE.replace("threads", "processes")) == 2.0
    assert neighbours.known_speedup("fault_barriers/cy_nogil@threads*2#M") == 2.0
    assert neighbours.known_speedup("imbalance/cy_nogil@threads*2#M") is None
    assert set(planted_faults.HELD_SPEEDUPS) == {spec.name for spec in planted_faults._KERNELS if "held" in spec.name}


def test_units_are_held_for_the_planted_share(monkeypatch):
    done = {"cy_gil": 0, "cy_nogil": 0}

    class Spin:
        def __getattr__(self, name):
            def loop(phase, lo, hi, params, buffers):
                done[name] += hi - lo

            return loop

    monkeypatch.setattr(planted_faults, "spin", Spin())
    for spec in (planted_faults.HELD_125, planted_faults.HELD_150, planted_faults.HELD_175):
        done.update(cy_gil=0, cy_nogil=0)
        planted_faults.partly_held(0, 0, planted_faults._ITEMS, spec.sizes["M"], {})
        assert sum(done.values()) == planted_faults._ITEMS
        assert sum(done.values()) / done["cy_gil"] == pytest.approx(planted_faults.HELD_SPEEDUPS[spec.name], rel=0.01)
