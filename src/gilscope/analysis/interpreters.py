"""What one thread pays for an interpreter: serial times of the same implementation under several, block by block.

The blocks are shared, so drift of the machine cancels as it does for speed-ups. Two pairs are of interest: each
interpreter against the first that was asked for, and a free-threaded build against itself with the GIL, which is the
price of running without the GIL on the same binary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gilscope.analysis.columns import estimated, ratio
from gilscope.analysis.estimates import KernelView
from gilscope.core.cases import Case
from gilscope.core.registry import IMPLEMENTATIONS
from gilscope.stats import Estimate

__all__ = ["WITH_GIL", "Price", "prices"]

WITH_GIL = "+gil"
"""Suffix of a free-threaded interpreter that runs with the GIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The serial time of a case over that of the same case under another interpreter.

    Parameters
    ----------
    case, versus : Case
        They differ in the interpreter alone.
    time_ratio : Estimate
        1.08: takes 8 % longer under the interpreter of ``case``.
    """

    case: Case
    versus: Case
    time_ratio: Estimate


def prices(labels: Sequence[str], views: Mapping[str, KernelView]) -> Iterator[Price]:
    """Yield what there is to compare; nothing below two interpreters.

    Parameters
    ----------
    labels : sequence of str
        The interpreters in the order they were asked for.
    """
    pairs = _pairs(labels)
    for view in views.values():
        for case in _plain(view):
            for label, other in pairs:
                mine, theirs = replace(case, interpreter=label), replace(case, interpreter=other)
                found = estimated(ratio(view.columns.of(mine), view.columns.of(theirs)))
                if found is not None:
                    yield Price(case=mine, versus=theirs, time_ratio=found)


def _pairs(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Return (interpreter, what it is compared with), each once."""
    twins = [(label, label + WITH_GIL) for label in labels if label + WITH_GIL in labels]
    first = [(label, labels[0]) for label in labels[1:] if (labels[0], label) not in twins]
    return [*dict.fromkeys([*first, *twins])]


def _plain(view: KernelView) -> Iterator[Case]:
    """Yield the cases on one thread without their interpreter: of T(1)s that differ in chunks the one with fewest."""
    fewest: dict[Case, Case] = {}
    for case in sorted(view.columns.with_role("case"), key=_place):
        if case.is_single:
            plain = replace(case, interpreter="")
            key = replace(plain, chunks_per_worker=1)
            if key not in fewest or plain.chunks_per_worker < fewest[key].chunks_per_worker:
                fewest[key] = plain
    yield from fewest.values()


def _place(case: Case) -> int:
    """Return where the implementation stands in the registry; blocks are measured in random order."""
    names = IMPLEMENTATIONS
    return names.index(case.implementation) if case.implementation in names else len(names)
