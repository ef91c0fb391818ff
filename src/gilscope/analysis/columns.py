"""Rounds by slot and block: the table from which all estimates are taken."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from gilscope.core.cases import Case, Slot
from gilscope.core.records import Block, ResultSet, Round
from gilscope.core.units import NS_PER_S
from gilscope.measure.steady import steadied
from gilscope.results.codec import parse_slot
from gilscope.stats import Estimate, estimate_or_none

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

Role: TypeAlias = Literal["case", "spin", "isolated", "A/A"]

PerBlock: TypeAlias = Mapping[int, float]
"""Position of a block -> a value of that block. Blocks in which a slot failed are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """All rounds that shared blocks, those of one kernel with its controls, by slot key."""

    kernel: str
    blocks: int
    seconds: Mapping[str, PerBlock]  # wall seconds per execution
    rounds: Mapping[str, Mapping[int, Round]]  # steadied: their CPU times and net lengths are those of steady CPUs
    slots: Mapping[str, Slot]  # in the order of their first rounds
    in_rounds_s: float  # sum of the timed rounds
    stolen: float = 0.0  # what the hypervisor took of the controls' CPU time, over what it left
    paced: frozenset[Case] = frozenset()  # whose T(1) ran bound to the CPUs of its cases

    def of(self, case: Case, role: Role = "case") -> PerBlock:
        """Return the seconds of a case in a role; empty when it was not measured."""
        return self.seconds.get(Slot(case=case, role=role).key, {})

    def rounds_of(self, case: Case, role: Role = "case") -> Mapping[int, Round]:
        """Return the rounds of a case in a role; empty when it was not measured."""
        return self.rounds.get(Slot(case=case, role=role).key, {})

    def with_role(self, role: Role) -> Iterator[Case]:
        """Yield the cases measured in a role."""
        return (slot.case for slot in self.slots.values() if slot.role == role)

    def speedup(self, case: Case, role: Role = "case") -> PerBlock:
        """Return the speed-up per block, of a case that is not its own T(1): T(1) / T(p), times the copies of the work.

        Where every worker does the whole work this is the scaled speed-up (Gustafson, CACM 31(5), 1988).
        """
        alone = "case" if role == "isolated" else role
        return times(ratio(self.of(case.t1, alone), self.of(case, role)), case.copies)


def columns_by_kernel(result: ResultSet) -> dict[str, Columns]:
    """Sort the rounds of a result; kernels in the order of their first blocks."""
    blocks = grouped(result.blocks, lambda block: block.kernel)
    return {kernel: _columns(kernel, steadied(own)) for kernel, own in blocks.items()}


def _columns(kernel: str, blocks: Sequence[Block]) -> Columns:
    rounds: dict[str, dict[int, Round]] = {}
    for position, block in enumerate(blocks):
        for key, measured in block.rounds.items():
            rounds.setdefault(key, {})[position] = measured
    slots = {key: parse_slot(key) for key in rounds}
    return Columns(
        kernel=kernel,
        blocks=len(blocks),
        seconds={
            key: {at: measured.wall_ns / measured.repeats / NS_PER_S for at, measured in column.items()}
            for key, column in rounds.items()
        },
        rounds=rounds,
        slots=slots,
        stolen=_stolen(
            (slot.case.workers, measured)
            for key, slot in slots.items()
            if slot.role == "spin"
            for measured in rounds[key].values()
        ),
        paced=frozenset(pace.case for block in blocks for pace in block.paces),
        in_rounds_s=sum(measured.wall_ns for block in blocks for measured in block.rounds.values()) / NS_PER_S,
    )


def _stolen(controls: Iterable[tuple[int, Round]]) -> float:
    """Return what was stolen from workers that never give their CPU up, and so know, over their CPU time."""
    stolen_ns = cpu_ns = 0.0
    for workers, measured in controls:
        if measured.stamps:  # quantiles, of more than 16 workers; slowed: what was taken out of the same stamps
            took_ns = sum(stamp.cpu_ns for stamp in measured.stamps) + measured.slowed_ns
            cpu_ns += workers * took_ns / len(measured.stamps)
            stolen_ns += measured.stolen_ns or 0
    return stolen_ns / cpu_ns if cpu_ns else 0.0


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Sort items into lists by a key; keys in the order of their first items."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def ratio(numerators: PerBlock, denominators: PerBlock) -> dict[int, float]:
    """Divide block by block, over the blocks that have both."""
    return {at: value / denominators[at] for at, value in numerators.items() if at in denominators}


def times(column: PerBlock, factor: float) -> dict[int, float]:
    """Multiply every value by a constant."""
    return {at: value * factor for at, value in column.items()}


def estimated(column: PerBlock) -> Estimate | None:
    """Estimate the median of a column."""
    return estimate_or_none(list(column.values()))


def averaged(column: PerBlock) -> Estimate | None:
    """Estimate the mean of a column, so that the parts of a sum add up to it.

    The interval is that of the median, which is exact without assumptions, widened where the mean is outside.
    """
    estimate = estimated(column)
    if estimate is None:
        return None
    mean = math.fsum(column.values()) / len(column)
    return dataclasses.replace(estimate, value=mean, low=min(estimate.low, mean), high=max(estimate.high, mean))


def scaled(estimate: Estimate | None, factor: float) -> Estimate | None:
    """Multiply an estimate by a constant above zero."""
    if estimate is None:
        return None
    low, value, high = (factor * part for part in (estimate.low, estimate.value, estimate.high))
    return dataclasses.replace(estimate, value=value, low=low, high=high)
