"""The block loop of everything that is measured: cases of kernels and functions, and the studies.

A budget buys whole blocks. What is measured together is a *series*; the loop decides which one is next, whether its
next block fits, and reports progress. Ctrl-C passes through: a block counts once it is written, so whole blocks are
kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from gilscope.core import clocks
from gilscope.measure.events import Observer

Item = TypeVar("Item")

ESTIMATE_MARGIN = 1.1  # blocks of one series differ by a few per cent; one that may exceed the budget is not begun


class Series(Protocol):
    """What is measured together, block after block."""

    @property
    def name(self) -> str:
        """Its name in progress reports."""

    @property
    def blocks(self) -> int:
        """Blocks so far, those of an earlier attempt included."""

    @property
    def precision(self) -> float | None:
        """Widest relative half-width of an interval at the last look; None without looks."""

    def wants_more(self) -> bool:
        """Whether another block would be of use."""

    def rank(self) -> tuple[float, ...]:
        """Return the sort key of the series: the lowest gets the next block."""

    def cost_s(self) -> float:
        """Return how long the next block will probably take, in seconds."""

    def run_block(self) -> float:
        """Measure one block and write it; return the seconds that were inside timed rounds."""


def shuffled(items: Iterable[Item], seed: int, name: str, block: int) -> list[Item]:
    """Return items in the random order of a block, which depends on the seed."""
    order = list(items)
    random.Random(f"{seed}/{name}/{block}").shuffle(order)
    return order


def buy_blocks(
    series: Sequence[Series],
    budget_s: float,
    observer: Observer,
    *,
    spent_s: float = 0.0,
    timed_s: float = 0.0,
    half_way: Callable[[], None] | None = None,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> None:
    """Buy blocks until no series wants more or none fits into the budget.

    One block of every series is bought even if ``budget_s`` does not suffice: an empty table is of no use. ``spent_s``
    is what an earlier attempt took of it, ``timed_s`` the part of that inside timed rounds. ``half_way`` is called
    once, between two blocks, when half of the budget is spent.
    """
    begin = clock_ns() - round(spent_s * 1e9)
    while True:
        spent_s = (clock_ns() - begin) / 1e9
        if half_way is not None and spent_s > budget_s / 2:
            half_way()
            half_way = None
        left_s = budget_s - spent_s
        fitting = [one for one in series if one.wants_more() and _fits(one, left_s)]
        if not fitting:
            return
        current = min(fitting, key=lambda one: one.rank())
        timed_s += current.run_block()
        spent_s = (clock_ns() - begin) / 1e9
        left_s = max(0.0, budget_s - spent_s)
        observer.block_done(current.name, current.blocks, current.precision, spent_s, left_s, timed_s)


def _fits(series: Series, left_s: float) -> bool:
    return not series.blocks or series.cost_s() * ESTIMATE_MARGIN <= left_s
