"""What one thread pays for an interpreter: serial times of the same implementation under several, block by block.

The blocks are shared, so drift of the machine cancels as it does for speed-ups. Each interpreter is compared with the
first in the list, and a free-threaded build with itself under the GIL: the price of free threading on the same binary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gilscope.analysis.columns import estimated, ratio
from gilscope.analysis.estimates import KernelView
from gilscope.analysis.rows import place
from gilscope.core.cases import Case
from gilscope.core.registry import IMPLEMENTATIONS
from gilscope.stats import Estimate

WITH_GIL = "+gil"
"""Suffix of a free-threaded interpreter that runs with the GIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The serial time of a case over that of the same case under another interpreter.

    1.08 means that it takes 8 % longer under the interpreter of ``case``.
    """

    case: Case
    versus: Case
    time_ratio: Estimate


def prices(labels: Sequence[str], views: Mapping[str, KernelView]) -> Iterator[Price]:
    """Yield what there is to compare; nothing below two interpreters. ``labels`` are in the order of the request."""
    twins = [(label, label + WITH_GIL) for label in labels if label + WITH_GIL in labels]
    first = [(label, labels[0]) for label in labels[1:] if (labels[0], label) not in twins]
    for view in views.values():
        for case in _plain(view):
            for label, other in dict.fromkeys([*first, *twins]):
                mine, theirs = replace(case, interpreter=label), replace(case, interpreter=other)
                found = estimated(ratio(view.columns.of(mine), view.columns.of(theirs)))
                if found is not None:
                    yield Price(case=mine, versus=theirs, time_ratio=found)


def _plain(view: KernelView) -> Iterator[Case]:
    """Yield the cases on one thread without their interpreter: of T(1)s that differ in chunks the one with fewest."""
    fewest: dict[Case, Case] = {}
    # Blocks are measured in random order.
    for case in sorted(view.columns.with_role("case"), key=lambda case: place(case.implementation, IMPLEMENTATIONS)[0]):
        if case.is_single:
            plain = replace(case, interpreter="")
            key = replace(plain, chunks_per_worker=1)
            fewest[key] = min(fewest.get(key, plain), plain, key=lambda case: case.chunks_per_worker)
    yield from fewest.values()
