"""The GIL as a station: the price of its hand-offs, as measured on the machine, for holds of some length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from gilscope.analysis.predict.network import FREE, Price

DRIFT = 0.15
"""By how much the price of a hand-off differs from minute to minute on a machine that is shared."""


class Priced(Protocol):
    """The price of a hand-off after holds of one length, with so many threads that wait; seconds."""

    @property
    def hold_s(self) -> float: ...
    @property
    def waiting(self) -> int: ...
    @property
    def low_s(self) -> float: ...
    @property
    def value_s(self) -> float: ...
    @property
    def high_s(self) -> float: ...


def prices_at(measured: Sequence[Priced], hold_s: float) -> tuple[Price, Price, Price]:
    """Return least, likely and most price of a hand-off after holds of a length; 0 where none was measured.

    Between measured lengths a straight line over the logarithm; beyond them the price stays.
    """
    measured = [one for one in measured if one.hold_s > 0 and one.waiting > 0 and 0 <= one.low_s <= one.high_s]
    lengths = sorted({one.hold_s for one in measured})
    if not lengths:
        return FREE, FREE, FREE
    low, value, high = (_between(measured, lengths, hold_s, end) for end in ("low_s", "value_s", "high_s"))
    less = tuple(min(a, (1.0 - DRIFT) * b) for a, b in zip(low.seconds, value.seconds, strict=True))
    more = tuple(max(a, (1.0 + DRIFT) * b) for a, b in zip(high.seconds, value.seconds, strict=True))
    return Price(low.waiting, less), value, Price(high.waiting, more)


def _between(measured: Sequence[Priced], lengths: Sequence[float], hold_s: float, end: str) -> Price:
    tables = {}
    for length in lengths:
        rows = sorted((one.waiting, getattr(one, end)) for one in measured if one.hold_s == length)
        tables[length] = Price(tuple(float(count) for count, _ in rows), tuple(price for _, price in rows))
    counts = sorted({count for table in tables.values() for count in table.waiting})
    below = max((one for one in lengths if one <= hold_s), default=lengths[0])
    above = min((one for one in lengths if one >= hold_s), default=lengths[-1])
    share = math.log(hold_s / below) / math.log(above / below) if above > below else 0.0
    prices = ((1.0 - share) * tables[below].at(count) + share * tables[above].at(count) for count in counts)
    return Price(tuple(counts), tuple(prices))
