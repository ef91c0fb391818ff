"""The tables of one kernel, a row per case; in a narrow terminal they give up spaces, words and then columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gilscope.analysis.factors import FACTORS
from gilscope.analysis.rows import CaseRow
from gilscope.report.columns import Column, columns_of, used_columns
from gilscope.report.figures import NONE
from gilscope.report.labels import label, mark, workers
from gilscope.report.sentences.factors import SHORT_FACTORS, printed
from gilscope.report.terminal.painted import plain_table

if TYPE_CHECKING:
    from rich.table import Table

_ROOMY = 100  # columns from which all findings of a case fit on one line


def comparison(rows: Sequence[CaseRow], width: int, numbers: Mapping[str, int]) -> Table:
    """Lay out cases, with their ``numbers`` by id, as wide as ``width`` allows."""
    number = Column("number", "#", "Its number in this result.", lambda row: numbers[row.case.id], left=True)
    for columns, roomy in _layouts([number, *used_columns("terminal", rows)]):
        table, natural = _laid_out(rows, columns, roomy=roomy)
        if natural <= width:
            break
    return table


def _layouts(left: list[Column]) -> Iterator[tuple[list[Column], bool]]:
    """Yield (columns, roomy) from the widest to the narrowest."""
    yield left, True
    yield [column for column in left if column.given_up != 1], True
    yield left, False
    for level in sorted({column.given_up for column in left} - {0}):
        yield [column for column in left if not 0 < column.given_up <= level], False


def _laid_out(rows: Sequence[CaseRow], columns: Sequence[Column], *, roomy: bool) -> tuple[Table, int]:
    """Return the table and how many terminal columns it takes unfolded."""
    heads, gap = [column.head(narrow=not roomy) for column in columns], 2 if roomy else 1
    left = sum(column.left for column in columns)
    table = plain_table(heads[:left], heads[left:], gap=gap)
    widths = [max(map(len, head.split("\n"))) for head in heads]
    for row in rows:
        cells = [column.terminal_cell(row, narrow=not roomy) for column in columns]
        widths = [max(have, *map(len, cell.split("\n"))) for have, cell in zip(widths, cells, strict=True)]
        failed = row.status in ("wrong_result", "failed", "timeout")
        table.add_row(*cells, style="red" if failed else "dim" if row.case.is_single else "")
    return table, sum(widths) + gap * (len(widths) - 1)


def explanation(rows: Sequence[CaseRow], width: int) -> Table | None:
    """Lay out where the time of the parallel cases went: the GIL, the largest loss, the findings; None without any."""
    explained = [row for row in rows if not row.case.is_single and (row.losses or row.findings)]
    if not explained:
        return None
    narrow = width < _ROOMY
    columns = list(columns_of("reasons"))
    numbers = [column.head(narrow=narrow) for column in columns if not column.left]
    table = plain_table(["case"], numbers, gap=1 if narrow else 2)
    for column in columns[len(numbers) :]:
        table.add_column(column.head(narrow=narrow), overflow="fold")
    for row in explained:
        name = f"{label(row)}*{workers(row)}{mark(row)}"
        table.add_row(name, *(column.terminal_cell(row, narrow=narrow) for column in columns))
    return table


def products(rows: Sequence[CaseRow], width: int) -> Table | None:
    """Lay out the efficiency of the parallel cases as a product of factors; None without any."""
    shown = [(row, printed(row)) for row in rows]
    shown = [(row, factors) for row, factors in shown if factors]
    if not shown:
        return None
    used = [name for name in FACTORS if any(name in factors for _, factors in shown)]
    heads = ["effi-\nciency =", *(SHORT_FACTORS[name] for name in used)]
    table = plain_table(["case"], heads, gap=1 if width < _ROOMY else 2)
    for row, factors in shown:
        assert row.efficiency is not None
        cells = (f"{factors[name]:.2f}" if name in factors else NONE for name in used)
        table.add_row(f"{label(row)}*{workers(row)}{mark(row)}", f"{row.efficiency.value:.2f}", *cells)
    return table
