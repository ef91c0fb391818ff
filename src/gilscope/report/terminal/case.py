"""Everything known about one case: ``gilscope show --case``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from statistics import median

from gilscope.analysis.answer import Answer
from gilscope.analysis.findings import Finding, cure_of
from gilscope.analysis.rows import CaseRow
from gilscope.core.cases import Case
from gilscope.core.errors import UsageError
from gilscope.core.records import ResultSet, Round
from gilscope.core.registry import id_of
from gilscope.core.units import NS_PER_S
from gilscope.report.case_facts import WORK, facts_of, time_parts
from gilscope.report.figures import NONE, printable, seconds
from gilscope.report.sentences.findings import LOSS_LABELS, sentence
from gilscope.report.terminal.painted import facts_table, painted, plain_table

BAR_COLUMNS = 76  # of the loss bar: one for 1.3 %, and it fits the narrowest usual terminal
BAR_LETTERS = dict(zip((WORK, *LOSS_LABELS), "=Gqsdiboc?", strict=True))
LISTED_BLOCKS = 12  # a screen; the rest is in --json and in the file


def find_case(answer: Answer, text: str) -> CaseRow:
    """Return the row of a case by its number, its id in any spelling, or a part that only one has (``id_of``)."""
    rows, text = answer.row_of, text.strip()
    if numbered := answer.numbered(text):
        return rows[numbered]
    with suppress(UsageError):
        if row := rows.get(text) or rows.get(Case.parse(text).id):
            return row
    return rows[id_of(text, rows, answer.result, "'gilscope show --json' lists them")]


def render_case(answer: Answer, row: CaseRow, measured: ResultSet, *, width: int, color: bool = False) -> str:
    """Lay out one case: its figures, where its time went and why, its rounds, and what went wrong."""
    case = row.case.id
    known = {name: text for name, text in facts_of(row, measured.cases.get(case)).items() if text != NONE}
    parts = [f"{case}\n{facts_table(known, width, color=color)}"]
    if row.losses:
        parts.append(_where(row, width))
    parts += [_why(found, row, width) for found in row.findings]
    rounds = [(block.index, block.rounds[case]) for block in measured.blocks if case in block.rounds]
    if rounds:
        parts.append(_blocks(rounds, width, color=color))
    if row.detail:
        parts.append(f"detail\n{row.detail.rstrip()}\n")
    return printable("\n".join(parts), color=color)


def _where(row: CaseRow, width: int) -> str:
    parts = time_parts(row)
    room = min(width, BAR_COLUMNS + 2) - 2
    bar = stacked([(BAR_LETTERS[part.name], max(0.0, part.value)) for part in parts], room)
    lines = [f"  {BAR_LETTERS[WORK]}  {parts[0].label:<14}{100 * parts[0].value:>4.0f}%"]
    lines += [f"  {BAR_LETTERS[part.name]}  {part.label:<14}{part.text:>8}" for part in parts[1:]]
    head = f"where the time of {row.case.workers} workers went (means; they add up to 100 %)"
    return "\n".join([head, f"[{bar}]", *lines, ""])


def stacked(parts: Sequence[tuple[str, float]], columns: int) -> str:
    """Return a bar of ``columns`` letters in proportion; where each part ends is rounded, so the sum is exact."""
    total = math.fsum(size for _, size in parts)
    if total <= 0:
        return " " * columns
    bar, reached = "", 0.0
    for letter, size in parts:
        reached += size
        bar += letter * (round(columns * reached / total) - len(bar))
    return bar


def _why(found: Finding, row: CaseRow, width: int) -> str:
    text = f"{found.code}: {sentence(found, row)}."
    lines = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    cure = cure_of(found.code)
    if cure:
        lines += textwrap.wrap(f"cure: {cure}.", width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join([*lines, ""])


def _blocks(rounds: Sequence[tuple[int, Round]], width: int, *, color: bool) -> str:
    table = plain_table([], ["block", "wall", "CPU", "waiting", "run queue", "net"])
    for index, found in rounds[:LISTED_BLOCKS]:
        table.add_row(str(index), *_cells(found))
    left_out = len(rounds) - LISTED_BLOCKS
    more = f"and {left_out} more; 'gilscope show --json' has them\n" if left_out > 0 else ""
    middle = median(found.wall_ns for _, found in rounds) / NS_PER_S
    return f"rounds, workers added up (median wall {seconds(middle)})\n{painted(table, width, color=color)}{more}"


def _cells(found: Round) -> Iterator[str]:
    queues = [stamp.run_queue_ns for stamp in found.stamps if stamp.run_queue_ns is not None]
    end_ns = found.end_ns - found.combine_ns
    yield seconds(found.wall_ns / NS_PER_S)
    yield seconds(sum(stamp.cpu_ns for stamp in found.stamps) / NS_PER_S)
    yield seconds(sum(stamp.waiting_ns + max(0, end_ns - stamp.end_ns) for stamp in found.stamps) / NS_PER_S)
    yield seconds(sum(queues) / NS_PER_S) if queues else NONE
    yield seconds(found.net_ns / NS_PER_S) if found.net_ns is not None else NONE
