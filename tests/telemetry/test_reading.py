"""The meaning of the probe's counts, on made-up counts: no thread, no clock."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gilscope.telemetry.sampler as sampler_module
from benchmarks.selfbench import coverage
from gilscope.core.errors import MeasurementError
from gilscope.telemetry.reading import OTHER_THREADS, GilReport, _score, read

SLOT_NS = 1e6


def snapshot(looks: list[tuple[bool, int]], weights: list[float] | None = None, **more: Any) -> dict[str, Any]:
    """Counts as the sampler would sum them up over looks of (held, waiting)."""
    weights = weights or [SLOT_NS] * len(looks)
    rows = list(zip(looks, weights, strict=True))
    steps = [((a[1] + b[1]) / 2, a[0], b[0]) for a, b in itertools.pairwise(rows)]
    held_ns = sum(w for (held, _), w in rows if held)
    wall_ns = sum(weights)
    return {
        "samples": len(looks),
        "late": 0,
        "unattributed": 0,
        "wall_ns": wall_ns,
        "squares": sum(w * w for w in weights),
        "held_ns": held_ns,
        "held_differences": sum(w * w * (b[0] - a[0]) ** 2 for w, a, b in steps),
        "waiting_ns": sum(w * waiting for (_, waiting), w in rows),
        "waiting_differences": sum(w * w * (b[1] - a[1]) ** 2 for w, a, b in steps),
        "contended_ns": sum(w for (held, waiting), w in rows if held and waiting),
        "running_ns": held_ns,
        "overdue_ns": 0.0,
        "switches": 0,
        "cpu_ns": 0,
        "busy": 0.0,
        "realtime": False,
        "switch_interval_s": 0.005,
        "bin_ns": 5_000_000,
        "timeline": [(wall_ns, held_ns, 0.0, 0, len(looks))],
        "threads": [],
        "other_threads": (0, 0.0, 0.0),
        "holds": [],
    } | more


def reading(counts: dict[str, Any], names: dict[int, str] | None = None, waiting: bool = True) -> Any:
    return read(counts, names=names or {}, waiting=waiting, requests=waiting)  # type: ignore[arg-type]


looks = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=60)


@given(looks, st.data())
def test_values_lie_within_their_intervals_and_shares_between_0_and_1(
    seen: list[tuple[bool, int]], data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.floats(1e3, 1e8), min_size=len(seen), max_size=len(seen)))
    found = reading(snapshot(seen, weights))
    assert 0.0 <= found.held.low <= found.held.value <= found.held.high <= 1.0
    assert 0.0 <= found.waiting.low <= found.waiting.value <= found.waiting.high
    assert found.held.n == len(seen)


def test_held_share_weighs_each_look_with_the_time_it_stands_for() -> None:
    assert reading(snapshot([(True, 0), (False, 0)], [3e6, 1e6])).held.value == 0.75


def test_a_lock_always_seen_held_still_has_room_for_what_was_not_seen() -> None:
    few, many = (reading(snapshot([(True, 0)] * n)).held for n in (10, 1000))
    assert few.high == many.high == 1.0
    assert few.low < 0.8 < 0.99 < many.low < 1.0


def test_long_holds_are_known_better_than_as_many_independent_looks() -> None:
    long = reading(snapshot(([(True, 0)] * 50 + [(False, 0)] * 50) * 10)).held
    quick = reading(snapshot([(random.Random(i).random() < 0.5, 0) for i in range(1000)])).held
    assert long.high - long.low < 0.5 * (quick.high - quick.low)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("hold_slots", [0.1, 1.0, 30.0])
def test_intervals_cover_the_true_share_of_the_window(share: float, hold_slots: float) -> None:
    """Random holds and releases, looked at once per slot; the truth is the share of this very window."""
    rng, covered, trials, slots = random.Random(7), 0, 200, 150
    for _ in range(trials):
        edges, t, held = [], -50.0 * hold_slots * rng.random(), True
        while t < slots:
            t += rng.expovariate(1.0) * hold_slots * (1.0 if held else (1.0 - share) / share)
            edges.append((t, held))
            held = not held
        true, seen, begin, at = 0.0, [], -1e9, 0
        moments = [slot + rng.random() for slot in range(slots)]
        for end, held in edges:
            true += held * max(0.0, min(end, slots) - max(begin, 0.0))
            while at < slots and moments[at] < end:
                seen.append((held, 0))
                at += 1
            begin = end
        found = reading(snapshot(seen)).held
        covered += found.low <= true / slots <= found.high
    assert covered / trials >= 0.9


@pytest.mark.parametrize(("seconds", "affordable_hz"), [(1.0, 90.0), (6.0, 2000.0)])
def test_the_interval_keeps_its_word_at_the_adaptive_rate(seconds: float, affordable_hz: float) -> None:
    """Holds and releases from 10 us to 5 ms; the rate depends on what was seen."""
    inside, near = coverage.covered_probe(60, seconds, affordable_hz)
    assert 0.95 <= inside < 0.99
    assert near >= 0.95


def test_the_simulated_rates_are_those_of_the_monitor() -> None:
    assert (coverage.START_HZ, coverage.SETTLED_HZ, coverage.MAX_HZ, coverage.TARGET) == (
        sampler_module._START_HZ,
        sampler_module._SETTLED_HZ,
        sampler_module._MAX_HZ,
        sampler_module._TARGET,
    )


def test_waiting_is_the_mean_number_of_threads_and_unknown_where_it_cannot_be_trusted() -> None:
    counts = snapshot([(True, 3), (True, 1)])
    assert reading(counts).waiting.value == 2.0
    assert reading(counts).contended == 1.0
    assert reading(counts, waiting=False).waiting is None
    assert reading(counts, waiting=False).timeline.waiting == (None,)


def test_nobody_ever_seen_waiting_means_rarely_not_never() -> None:
    assert reading(snapshot([(True, 0)] * 100)).waiting.high == pytest.approx(0.03)


def test_no_look_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(MeasurementError, match="measure longer or at a higher rate"):
        reading(snapshot([]))


def test_threads_are_named_and_sorted_by_their_share() -> None:
    parts = [(11, 2, 2 * SLOT_NS, 0.0), (12, 5, 5 * SLOT_NS, SLOT_NS)]
    counts = snapshot([(True, 0)] * 10, threads=parts, other_threads=(1, SLOT_NS, 0.0))
    found = reading(counts, {12: "pool"}).threads
    assert [thread.name for thread in found] == ["pool", "thread 11", OTHER_THREADS]
    assert [thread.held.value for thread in found] == [0.5, 0.2, 0.1]
    assert found[0].overdue == pytest.approx(0.1)


def test_mean_turn_is_held_time_over_hand_overs() -> None:
    assert reading(snapshot([(True, 1)] * 100, switches=20)).holds.turn_s == pytest.approx(0.005)
    assert reading(snapshot([(True, 0)] * 100)).holds.turn_s is None


def test_hold_lengths_below_the_sampling_interval_are_not_claimed() -> None:
    short = snapshot([(True, 1)] * 100, holds=[(35, 50, 1.0)])  # 2^(35/4) us = 0.4 ms, looked at every 1 ms
    long = snapshot([(True, 1)] * 100, holds=[(35, 50, 1.0), (57, 5, 99.0)])  # mostly 2^(57/4) us = 19.5 ms
    assert reading(short).holds.median_s is None
    assert reading(long).holds.median_s == pytest.approx(0.0195, rel=0.2)


def test_what_one_look_stands_for_is_hardly_known() -> None:
    overdue = reading(snapshot([(True, 1)], running_ns=SLOT_NS, overdue_ns=0.05 * SLOT_NS)).holds.overdue
    assert overdue.low == 0.0
    assert overdue.high > 0.9


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.98])
@pytest.mark.parametrize("size", [1.0, 7.0, 40.0, 1000.0])
def test_the_interval_holds_that_of_wilson_whatever_the_size(share: float, size: float) -> None:
    z = 1.959964
    middle = (share + z * z / (2.0 * size)) / (1.0 + z * z / size)
    half = z * math.sqrt(share * (1.0 - share) / size + z * z / (4.0 * size * size)) / (1.0 + z * z / size)
    found = _score(share, size, 10)
    assert 0.0 <= found.low <= max(0.0, middle - half) + 1e-9
    assert 1.0 >= found.high >= min(1.0, middle + half) - 1e-9


def test_overdue_is_a_share_of_the_time_the_holder_could_have_answered() -> None:
    counts = snapshot([(True, 1), (False, 0)] * 50, running_ns=50 * SLOT_NS, overdue_ns=25 * SLOT_NS)
    assert reading(counts).holds.overdue.value == pytest.approx(0.5)
    assert reading(counts, waiting=False).holds.overdue is None


def test_a_bin_without_a_look_is_unknown_not_zero() -> None:
    counts = snapshot([(True, 2)] * 4, timeline=[(4e6, 2e6, 8e6, 4, 4), (0.0, 0.0, 0.0, 0, 0)])
    line = reading(counts).timeline
    assert (line.held, line.waiting) == ((0.5, None), (2.0, None))
    assert line.handovers_per_s == (pytest.approx(1000.0), None)
    assert line.bin_s == 0.005


def phases(*means: float) -> list[tuple[float, float, float, int, int]]:
    """Return a timeline of stretches of 5 ms with these shares held, and as many threads waiting."""
    return [(5e6, 5e6 * mean, 5e6 * mean, 0, 5) for mean in means]


def test_what_changes_slowly_may_differ_more_in_another_window_than_its_looks_do_in_this_one() -> None:
    slow = [(bool(i // 50 % 2), i // 50 % 2) for i in range(200)]
    found = reading(snapshot(slow, timeline=phases(*[float(i // 10 % 2) for i in range(40)])))
    for here, long_run in ((found.held, found.held_long_run), (found.waiting, found.waiting_long_run)):
        assert long_run.low < here.low <= here.value == long_run.value <= here.high < long_run.high
        assert long_run.confidence == 0.95


def test_a_window_of_fewer_than_ten_stretches_says_nothing_of_others() -> None:
    assert reading(snapshot([(True, 1)] * 40, timeline=phases(*[1.0] * 9))).waiting_long_run is None


def test_files_without_what_is_new_are_read() -> None:
    kept = GilReport(available=True, reading=reading(snapshot([(True, 1)] * 40))).to_dict()
    for name in ("realtime", "held_long_run", "waiting_long_run"):
        del kept[name]
    assert GilReport.of(kept).reading is not None
