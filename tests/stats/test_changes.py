"""Change points: planted ones are found where they are, and chance invents none."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from gilscope.stats.changes import LEAST_RUNS, levels, seeded_intervals, student_quantile

CASES = 10_000
ERROR = 0.01


def noise_of(kind: str, draw: random.Random) -> Callable[[], float]:
    """Return what draws the difference of one run from its level: as its error says, or three times as much."""
    if kind == "as known":
        return lambda: draw.gauss(0.0, ERROR)
    if kind == "more than known":
        return lambda: draw.gauss(0.0, 3 * ERROR)
    # Student's t with three degrees of freedom: now and then a run is far off.
    return lambda: 2 * ERROR * draw.gauss(0.0, 1.0) / math.sqrt(draw.gammavariate(1.5, 2 / 3))


@pytest.mark.parametrize("kind", ["as known", "more than known", "with outliers"])
def test_ten_thousand_cases_in_which_nothing_changed_have_no_change(kind: str) -> None:
    noise = noise_of(kind, random.Random(7))
    invented = sum(
        len(levels([[(noise(), ERROR) for _ in range(30)]], chance=0.01 / CASES)[0]) > 1 for _ in range(CASES)
    )
    assert invented == 0


def test_chance_is_kept_where_it_is_large_enough_to_count() -> None:
    draw = random.Random(11)
    folders, chance = 2000, 0.2
    invented = sum(
        len(levels([[(draw.gauss(0.0, 3 * ERROR), ERROR) for _ in range(20)]], chance=chance)[0]) > 1
        for _ in range(folders)
    )
    assert invented <= chance * folders + 3 * math.sqrt(chance * (1 - chance) * folders)
    assert invented > 0  # the test can fail: chance is not zero


def test_runs_one_after_another_that_differ_for_a_while_invent_little() -> None:
    draw, folders, invented = random.Random(3), 500, 0
    for _ in range(folders):
        drift, values = 0.0, []
        for _ in range(30):
            drift = 0.5 * drift + draw.gauss(0.0, ERROR)
            values.append((drift, ERROR))
        invented += len(levels([values], chance=0.01, least=0.03)[0]) > 1
    assert invented <= 0.05 * folders


@pytest.mark.parametrize("change", [LEAST_RUNS, 10, 27])
def test_a_change_is_found_at_its_run(change: int) -> None:
    draw = random.Random(change)
    values = [((0.1 if at >= change else 0.0) + draw.gauss(0.0, ERROR), ERROR) for at in range(30)]
    (found,) = levels([values], chance=0.01)
    assert [level.start for level in found] == [0, change]
    assert found[1].mean - found[0].mean == pytest.approx(0.1, abs=4 * ERROR / math.sqrt(LEAST_RUNS))


def test_changes_that_cancel_or_follow_each_other_hide_none() -> None:
    draw = random.Random(5)
    for steps in ({12: 0.1, 18: 0.0}, {8: 0.1, 16: 0.2, 24: 0.3}):
        level, values = 0.0, []
        for at in range(30):
            level = steps.get(at, level)
            values.append((level + draw.gauss(0.0, ERROR), ERROR))
        (found,) = levels([values], chance=0.01)
        assert [one.start for one in found] == [0, *steps]


def test_values_with_wide_intervals_count_less() -> None:
    values = [(0.0, ERROR)] * 10 + [(0.3, 0.3)] * 5 + [(0.0, ERROR)] * 10
    assert len(levels([values], chance=0.05)[0]) == 1


def test_stretches_are_never_compared() -> None:
    assert [len(one) for one in levels([[(0.0, ERROR)] * 10, [(1.0, ERROR)] * 10, []], chance=0.01)] == [1, 1, 0]


def test_changes_below_the_least_are_none() -> None:
    values = [(0.0, 0.001)] * 10 + [(0.02, 0.001)] * 10
    assert [len(levels([values], chance=0.01, least=least)[0]) for least in (0.01, 0.03)] == [2, 1]


def test_two_runs_are_too_few_for_a_level() -> None:
    assert len(levels([[(0.0, ERROR)] * 10 + [(0.5, ERROR)] * (LEAST_RUNS - 1)], chance=0.01)[0]) == 1
    assert len(levels([[(0.0, ERROR)]], chance=0.01)[0]) == 1


def test_the_number_of_splits_grows_as_n_log_n() -> None:
    def splits(n: int) -> int:
        return sum(stop - start for start, stop in seeded_intervals(n))

    assert splits(1000) < 20 * splits(100)
    assert all(0 <= start < stop <= 37 for start, stop in seeded_intervals(37))


@pytest.mark.parametrize(
    ("tail", "freedom", "expected"),
    [  # tables of Student's t
        (0.05, 1, 12.706), (0.05, 2, 4.3027), (0.01, 5, 4.0321), (0.05, 10, 2.2281), (0.001, 20, 3.8495),
        (0.001, 5, 6.8688), (0.01, 120, 2.6174),
    ],
)  # fmt: skip
def test_quantiles_are_those_of_the_tables(tail: float, freedom: float, expected: float) -> None:
    assert student_quantile(tail, freedom) == pytest.approx(expected, rel=1e-4)


def test_quantiles_far_out_hold_the_density_integrated() -> None:
    for freedom in (4.0, 12.5, 40.0):
        found = student_quantile(1e-8, freedom)
        scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
        # In u = log x the tail is smooth: Simpson's rule over 40 units.
        n, width = 20_000, 40.0

        def density(u: float, freedom: float = freedom, found: float = found) -> float:
            x = found * math.exp(u)
            return x * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

        h = width / n
        inside = sum((4 if i % 2 else 2) * density(i * h) for i in range(1, n))
        tail = 2 * scale * h / 3 * (density(0.0) + inside + density(width))
        assert tail == pytest.approx(1e-8, rel=1e-3)
