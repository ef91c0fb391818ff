"""The block loop on a clock of its own: who is next, what fits, what is said."""

from __future__ import annotations

import pytest

from gilscope.measure.events import Observer
from gilscope.measure.loop import buy_blocks, shuffled


class Counted:
    """A series whose blocks take so many seconds."""

    precision = None

    def __init__(self, clock: list[int], name: str = "it", each_s: float = 1.0, most: int = 1000) -> None:
        self.name, self.blocks, self._clock, self._each_s, self._most = name, 0, clock, each_s, most

    def wants_more(self) -> bool:
        return self.blocks < self._most

    def rank(self) -> tuple[float, ...]:
        return (self.blocks,)

    def cost_s(self) -> float:
        return self._each_s

    def run_block(self) -> float:
        self._clock[0] += round(self._each_s * 1e9)
        self.blocks += 1
        return self._each_s / 2


class Watch(Observer):
    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def block_done(self, *what) -> None:
        self.seen.append(what)


@pytest.fixture
def clock() -> list[int]:
    return [0]


def bought(clock, series, budget_s, **more):
    watch = Watch()
    buy_blocks(series, budget_s, watch, clock_ns=lambda: clock[0], **more)
    return watch.seen


@pytest.mark.parametrize(("budget_s", "blocks"), [(0.0, 1), (0.5, 1), (2.0, 1), (2.2, 2), (10.2, 10)])
def test_a_budget_buys_whole_blocks_with_a_margin_and_one_at_least(clock, budget_s, blocks):
    assert len(bought(clock, [Counted(clock)], budget_s)) == blocks


def test_what_was_spent_before_counts(clock):
    series = Counted(clock)
    series.blocks = 4
    seen = bought(clock, [series], 10.2, spent_s=4.0, timed_s=2.0)
    assert len(seen) == 6
    assert seen[-1] == ("it", 10, None, 10.0, pytest.approx(0.2), 5.0)


def test_the_lowest_rank_is_next_and_who_wants_no_more_is_left_out(clock):
    seen = bought(clock, [Counted(clock, "a", most=2), Counted(clock, "b")], 5.5)
    assert [name for name, *_ in seen] == ["a", "b", "a", "b", "b"]


def test_a_series_that_does_not_fit_leaves_the_rest_of_the_budget_to_the_others(clock):
    seen = bought(clock, [Counted(clock, "long", each_s=5.0), Counted(clock, "short")], 9.0)
    assert [name for name, *_ in seen] == ["long", "short", "short", "short"]


def test_half_way_comes_once_between_two_blocks(clock):
    at = []
    bought(clock, [Counted(clock)], 10.2, half_way=lambda: at.append(clock[0]))
    assert at == [6 * 10**9]


def test_the_order_of_a_block_is_random_by_seed_name_and_number():
    items = range(20)
    assert shuffled(items, 1, "a", 0) == shuffled(items, 1, "a", 0)
    assert len({tuple(shuffled(items, *what)) for what in [(1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1)]}) == 4
    assert sorted(shuffled(items, 1, "a", 0)) == list(items)
