"""Blocks of a study: every item once per block, in random order, until the budget is spent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.events import Observer
from gilscope.measure.loop import buy_blocks, shuffled
from gilscope.studies.record import StudyBlock, StudyLog

SampleT = TypeVar("SampleT")


def interleave(
    study: str,
    items: Sequence[str],
    take: Callable[[str], SampleT],
    log: StudyLog[Any, Any, Any, SampleT],
    *,
    budget_s: float,
    seed: int,
    observer: Observer,
    clock_ns: Callable[[], int] = clocks.wall_ns,
) -> None:
    """Take a sample of every item per block; one block at least.

    ``items`` are keys in the log. One for which ``take`` raises MeasurementError is given up; the others go on. Blocks
    already in the log count, with the time they took.
    """
    series = _ItemSeries(name=study, items=items, take=take, log=log, seed=seed, observer=observer, clock_ns=clock_ns)
    buy_blocks([series], budget_s, observer, spent_s=log.record.spent_s, clock_ns=clock_ns)


@dataclass(slots=True, kw_only=True)
class _ItemSeries(Generic[SampleT]):
    """See ``loop.Series``."""

    name: str
    items: Sequence[str]
    take: Callable[[str], SampleT]
    log: StudyLog[Any, Any, Any, SampleT]
    seed: int
    observer: Observer
    clock_ns: Callable[[], int]
    precision: float | None = None
    _given_up: set[str] = field(default_factory=set)

    @property
    def blocks(self) -> int:
        return len(self.log.record.blocks)

    def wants_more(self) -> bool:
        return any(item not in self._given_up for item in self.items)

    def rank(self) -> tuple[float, ...]:
        return ()

    def cost_s(self) -> float:
        return self.log.record.blocks[-1].wall_s

    def run_block(self) -> float:
        """Take a sample of each; they count only when the block has come to its end."""
        live = [item for item in self.items if item not in self._given_up]
        started_ns, samples = self.clock_ns(), {}
        for item in shuffled(live, self.seed, self.name, self.blocks):
            try:
                samples[item] = self.take(item)
            except MeasurementError as error:
                self._given_up.add(item)
                self.log.note(item, "timeout" if isinstance(error, RoundTimeoutError) else "failed", str(error))
                self.observer.message(f"{item}: {error}")
            else:
                if self.log.record.items[item].row.status != "ok":  # it failed before the study was resumed
                    self.log.note(item, "ok")
        block = StudyBlock(started_ns=started_ns, ended_ns=self.clock_ns(), samples=samples)
        self.log.block(block)
        return block.wall_s
