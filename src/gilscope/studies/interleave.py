"""Blocks of a study: every item once per block, in random order, until the budget is spent."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from gilscope import clocks
from gilscope.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.events import Observer

__all__ = ["Interleaved", "Trouble", "interleave"]

Item = TypeVar("Item", bound=str)

_ESTIMATE_MARGIN = 1.1  # a block that does not fit into the budget is not begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why an item has no more samples."""

    status: Literal["failed", "timeout"]
    reason: str


@dataclass(slots=True, kw_only=True)
class Interleaved(Generic[Item]):
    """What was measured: per item one sample per whole block, and what went wrong."""

    samples: dict[Item, list[Any]]
    troubles: dict[Item, Trouble] = field(default_factory=dict)
    blocks: int = 0
    interrupted: bool = False


def interleave(
    study: str,
    items: Sequence[Item],
    take: Callable[[Item], Any],
    *,
    budget_s: float,
    seed: int,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> Interleaved[Item]:
    """Take a sample of every item per block; one block at least.

    Parameters
    ----------
    study : str
        Its name, for progress and for the random order.
    take : callable (item) -> sample
        An item for which it raises MeasurementError is given up; the others go on.
    """
    found: Interleaved[Item] = Interleaved(samples={item: [] for item in items})
    begin, block_s = clock_ns(), 0.0
    try:
        while live := [item for item in items if item not in found.troubles]:
            started = clock_ns()
            spent_s = (started - begin) / 1e9
            if found.blocks and spent_s + block_s * _ESTIMATE_MARGIN > budget_s:
                break
            random.Random(f"{seed}/{study}/{found.blocks}").shuffle(live)
            _block(found, live, take, observer)
            block_s = (clock_ns() - started) / 1e9
            spent_s = (clock_ns() - begin) / 1e9
            observer.block_done(study, found.blocks, None, spent_s, max(0.0, budget_s - spent_s), spent_s)
    except KeyboardInterrupt:
        found.interrupted = True
    return found


def _block(found: Interleaved[Item], order: Sequence[Item], take: Callable[[Item], Any], observer: Observer) -> None:
    """Take a sample of each; they count only when the block has come to its end."""
    taken = {}
    for item in order:
        try:
            taken[item] = take(item)
        except MeasurementError as error:
            status: Literal["failed", "timeout"] = "timeout" if isinstance(error, RoundTimeoutError) else "failed"
            found.troubles[item] = Trouble(status=status, reason=str(error))
            observer.message(f"{item}: {error}")
    for item, sample in taken.items():
        found.samples[item].append(sample)
    found.blocks += 1
