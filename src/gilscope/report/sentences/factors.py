"""Efficiency as a product, in numbers that multiply as they are printed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gilscope.analysis.factors import FACTORS
from gilscope.analysis.rows import CaseRow

FACTOR_LABELS: Mapping[str, str] = {
    "interference": "other programs",
    "machine": "machine",
    "memory": "memory",
    "gil": "GIL",
    "locks": "locks",
    "dispatch": "dispatch",
    "balance": "balance",
    "computation": "computation",
}
SHORT_FACTORS: Mapping[str, str] = {
    "interference": "inter-\nference",
    "machine": "ma-\nchine",
    "memory": "mem-\nory",
    "gil": "GIL",
    "locks": "locks",
    "dispatch": "dis-\npatch",
    "balance": "bal-\nance",
    "computation": "compu-\ntation",
}
"""Heads of columns."""

NAMED_FROM, MOST_NAMED = 0.995, 3
"""Factors that a sentence names: below the first, which prints as 1.00; and how many, the smallest."""


def printed(row: CaseRow) -> dict[str, float]:
    """Return the factors as they are printed, to two digits, but for the last: with it their product is the printed
    efficiency. Empty where there are none."""
    if row.factors is None or row.efficiency is None:
        return {}
    shown = {name: round(found.value, 2) for name, found in row.factors.known.items() if name != FACTORS[-1]}
    return _completed(row.efficiency.value, shown, FACTORS[-1])


def _completed(efficiency: float, shown: dict[str, float], last: str) -> dict[str, float]:
    """Add what makes the product right, to two digits; nothing where a factor is printed as 0."""
    product = math.prod(shown.values())
    return {**shown, last: round(round(efficiency, 2) / product, 2)} if product > 0 else shown


def factor_sentence(row: CaseRow) -> str:
    """Say ``efficiency 0.49 = GIL 0.51 x balance 0.99 x the rest 0.97``; empty where there are no factors."""
    known = printed(row)
    if not known or row.efficiency is None:
        return ""
    least = sorted((name for name in FACTORS if known.get(name, 1.0) < NAMED_FROM), key=known.__getitem__)
    named = [name for name in FACTORS if name in least[:MOST_NAMED]]
    if not named:
        return ""
    parts = _completed(row.efficiency.value, {name: known[name] for name in named}, "the rest")
    if parts.get("the rest") == 1.0:
        del parts["the rest"]
    texts = (f"{FACTOR_LABELS.get(name, name)} {value:.2f}" for name, value in parts.items())
    return f"efficiency {row.efficiency.value:.2f} = {' x '.join(texts)}"
