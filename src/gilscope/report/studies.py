"""What the reports of metg, ipc and startup have in common: figures with intervals, lines above and below a table."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from gilscope.report.figures import NONE, narrow, si
from gilscope.report.sentences.environment import check_notes, environment_note
from gilscope.report.terminal.painted import filled
from gilscope.results.surroundings import Surroundings
from gilscope.stats import MIN_BLOCKS, Estimate
from gilscope.studies.document import RowStatus, StudyRow
from gilscope.studies.kinds import StudyDocument

__all__ = [
    "ends",
    "few_blocks",
    "head",
    "labelled",
    "once_per_reason",
    "points",
    "share",
    "sized",
    "span",
]

_LABEL_COLUMNS = 13  # "not reached" and two spaces
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_SLACK = 1e-9  # half-widths are rounded up, but not by the last digits of a division


def head(document: StudyDocument, path: str | None, width: int) -> str:
    """Lay out on what was measured, what could have spoilt it, how far it got, and where it is."""
    here = Surroundings.of(document.environment)
    lines = [environment_note(here), *(f"caution: {text}" for text in check_notes(here))]
    if document.interrupted:
        lines.append(_stopped(document, path))
    if path is not None:
        lines.append(f"result: {path}")
    return "\n".join(filled("", line, width) for line in lines if line)


def _stopped(document: StudyDocument, path: str | None) -> str:
    """Say how far a study got, and how to go on with it."""
    count = f"{document.blocks} block{'' if document.blocks == 1 else 's'}"
    said = f"Stopped after {count}" if document.blocks else "Stopped before the first block"
    if path is None or path.endswith(".json"):  # which is not gone on with
        return f"{said}: what was measured until then."
    return f"{said}; go on with: gilscope {document.study} --resume --out {shlex.quote(str(Path(path).parent))}"


def labelled(pairs: Iterable[tuple[str, str]], width: int) -> str:
    """Lay out texts with a word before each; empty ones are left out."""
    return "\n".join(filled(f"{name:<{_LABEL_COLUMNS}}", text, width) for name, text in pairs if text)


def once_per_reason(rows: Sequence[StudyRow], statuses: Collection[RowStatus]) -> list[str]:
    """Say once per reason which rows have one of the statuses."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row.status in statuses:
            reason = "; ".join(part for part in (row.reason, row.cure) if part) or "no reason given"
            names = by_reason.setdefault(reason, [])
            if row.label not in names:
                names.append(row.label)
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def few_blocks(document: StudyDocument) -> str:
    """Say so where there are too few blocks for intervals of 95 %."""
    if not 0 < document.blocks < MIN_BLOCKS:
        return ""
    count = f"{document.blocks} block{'' if document.blocks == 1 else 's'}"
    return f"{count}: intervals have less than 95 % confidence; give a larger --budget"


# Figures --------------------------------------------------------------------------------------------------------------


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Return value, low and high; the value in place of an end that is not known."""
    low, high = (end if math.isfinite(end) else estimate.value for end in (estimate.low, estimate.high))
    return estimate.value, low, high


def span(estimate: Estimate | None, unit: str = "s") -> str:
    """Write ``61.2 us [58.0, 65.1]``: all three with the prefix of the value; ``?`` for an end that is not known."""
    if estimate is None:
        return NONE
    value = f"{si(estimate.value)}{unit}"
    if estimate.confidence == 0:
        return f"{value} [?, ?]"
    scale = _scale(estimate.value)
    low, high = (narrow(end / scale) if math.isfinite(end) else "?" for end in (estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _scale(value: float) -> float:
    """Return the factor of the prefix that `si` gives a value."""
    if not value:
        return 1.0
    power = math.floor(math.log10(abs(value)) / 3)
    if round(abs(value) / 1000.0**power, 0) >= 1000:
        power += 1
    return float(1000.0**power)


def share(estimate: Estimate | None) -> str:
    """Write ``93 % [90, 95]``."""
    if estimate is None:
        return NONE
    value = f"{100 * estimate.value:.0f} %"
    return f"{value} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]" if estimate.has_interval else value


def points(value: float, low: float, high: float) -> str:
    """Write a share and its interval as ``97 ±2%``: percent, and percentage points to either side."""
    return f"{100 * value:.0f} ±{max(1, math.ceil(100 * max(high - value, value - low) - _SLACK))}%"


def sized(nbytes: float) -> str:
    """Write a number of bytes: ``1 KiB``, ``1.5 MiB``."""
    power = 0
    while nbytes >= 1024 and power < len(_BINARY) - 1:
        nbytes, power = nbytes / 1024, power + 1
    return f"{nbytes:.3g} {_BINARY[power]}"
