"""What the reports of metg, ipc and startup have in common: figures with intervals, lines above and below a table."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gilscope.report import notes
from gilscope.report.figures import NONE, has_interval, narrow, si
from gilscope.stats import MIN_BLOCKS

__all__ = ["Row", "few_blocks", "head", "labelled", "once_per_reason", "share", "sized", "span"]

Row = Mapping[str, Any]
_LABEL_COLUMNS = 13  # "not reached" and two spaces
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def head(document: Mapping[str, Any], path: str | None, width: int) -> str:
    """Lay out on what was measured, what could have spoilt it, and where the document is."""
    lines = [notes.environment_note(document)]
    lines += [f"caution: {text}" for text in notes.check_notes(document)]
    if document["interrupted"]:
        lines.append("Interrupted: what was measured until then.")
    if path is not None:
        lines.append(f"result: {path}")
    return "\n".join(_filled("", line, width) for line in lines if line)


def labelled(pairs: Iterable[tuple[str, str]], width: int) -> str:
    """Lay out texts with a word before each; empty ones are left out."""
    return "\n".join(_filled(f"{name:<{_LABEL_COLUMNS}}", text, width) for name, text in pairs if text)


def _filled(indent: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_on_hyphens=False,
        break_long_words=False,
    )


def once_per_reason(rows: Sequence[Row], statuses: Sequence[str]) -> list[str]:
    """Say once per reason which rows have one of the statuses."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] in statuses:
            reason = "; ".join(part for part in (row["reason"], row["cure"]) if part) or "no reason given"
            names = by_reason.setdefault(reason, [])
            if row["label"] not in names:
                names.append(row["label"])
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def few_blocks(document: Mapping[str, Any]) -> str:
    """Say so where there are too few blocks for intervals of 95 %."""
    blocks = document["blocks"]
    if not 0 < blocks < MIN_BLOCKS:
        return ""
    count = f"{blocks} block{'' if blocks == 1 else 's'}"
    return f"{count}: intervals have less than 95 % confidence; give a larger --budget"


def span(estimate: Mapping[str, Any] | None, unit: str = "s") -> str:
    """Write ``61.2 us [58.0, 65.1]``: all three with the prefix of the value; ``?`` for an end that is not known."""
    if estimate is None:
        return NONE
    value = f"{si(estimate['value'])}{unit}"
    if estimate["confidence"] == 0:
        return f"{value} [?, ?]"
    scale = _scale(estimate["value"])
    low, high = ("?" if estimate[end] is None else narrow(estimate[end] / scale) for end in ("low", "high"))
    return f"{value} [{low}, {high}]"


def _scale(value: float) -> float:
    """Return the factor of the prefix that `si` gives a value."""
    if not value:
        return 1.0
    power = math.floor(math.log10(abs(value)) / 3)
    if round(abs(value) / 1000.0**power, 0) >= 1000:
        power += 1
    return float(1000.0**power)


def share(estimate: Mapping[str, Any] | None) -> str:
    """Write ``93 % [90, 95]``."""
    if estimate is None:
        return NONE
    value = f"{100 * estimate['value']:.0f} %"
    if not has_interval(estimate):
        return value
    return f"{value} [{100 * estimate['low']:.0f}, {100 * estimate['high']:.0f}]"


def sized(nbytes: float) -> str:
    """Write a number of bytes: ``1 KiB``, ``1.5 MiB``."""
    power = 0
    while nbytes >= 1024 and power < len(_BINARY) - 1:
        nbytes, power = nbytes / 1024, power + 1
    return f"{nbytes:.3g} {_BINARY[power]}"
