"""What the reports of metg, ipc and startup share: the lines above and below a table, figures with intervals."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from gilscope.report.figures import NONE, counted, narrow, si, si_power
from gilscope.report.sentences.environment import check_notes, environment_note
from gilscope.report.terminal.painted import filled
from gilscope.results.surroundings import Surroundings
from gilscope.stats import MIN_BLOCKS, Estimate
from gilscope.studies.document import RowStatus, StudyRow
from gilscope.studies.kinds import StudyDocument

_LABEL_COLUMNS = 13  # "not reached" and two spaces


def study_report(
    document: StudyDocument, tables: Iterable[str], notes: Iterable[tuple[str, str]], path: str | None, width: int
) -> str:
    """Lay out a study: its head, its tables, and its notes, each a label and a text; empty ones are left out."""
    lines = [filled(f"{label:<{_LABEL_COLUMNS}}", text, width) for label, text in notes if text]
    parts = (_head(document, path, width), *tables, "\n".join(lines))
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(document: StudyDocument, path: str | None, width: int) -> str:
    here = Surroundings.of(document.environment)
    lines = [environment_note(here), *(f"caution: {text}" for text in check_notes(here))]
    if document.interrupted:
        lines.append(_stopped(document, path))
    if path is not None:
        lines.append(f"result: {path}")
    return "\n".join(filled("", line, width) for line in lines if line)


def _stopped(document: StudyDocument, path: str | None) -> str:
    where = f"after {counted(document.blocks, 'block')}" if document.blocks else "before the first block"
    if path is None or path.endswith(".json"):  # which cannot be resumed
        return f"Stopped {where}: what was measured until then."
    folder = shlex.quote(str(Path(path).parent))
    return f"Stopped {where}; go on with: gilscope {document.study} --resume --out {folder}"


def once_per_reason(rows: Sequence[StudyRow], statuses: Collection[RowStatus]) -> list[str]:
    """Say once per reason which rows have one of the statuses."""
    by_reason: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.status in statuses:
            reason = "; ".join(filter(None, (row.reason, row.cure))) or "no reason given"
            by_reason.setdefault(reason, {})[row.label] = None
    return [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def few_blocks(document: StudyDocument) -> str:
    """Say so where there are too few blocks for intervals of 95 %."""
    if not 0 < document.blocks < MIN_BLOCKS:
        return ""
    return f"{counted(document.blocks, 'block')}: intervals have less than 95 % confidence; give a larger --budget"


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Return value, low and high; the value in place of an unknown end."""
    low, high = (end if math.isfinite(end) else estimate.value for end in (estimate.low, estimate.high))
    return estimate.value, low, high


def span(estimate: Estimate | None) -> str:
    """Write seconds as ``61.2 us [58.0, 65.1]``: all with the prefix of the value; ``?`` for an unknown end."""
    if estimate is None:
        return NONE
    value, scale = f"{si(estimate.value)}s", 1000.0 ** si_power(estimate.value)
    if estimate.confidence == 0:
        return f"{value} [{NONE}]"
    low, high = (narrow(end / scale) if math.isfinite(end) else "?" for end in (estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def share(estimate: Estimate | None) -> str:
    """Write ``93 % [90, 95]``."""
    if estimate is None:
        return NONE
    value = f"{100 * estimate.value:.0f} %"
    return f"{value} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]" if estimate.has_interval else value
