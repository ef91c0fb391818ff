"""The table of one kernel: a row per case. It gives up spaces, words and at last columns to fit a narrow terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gilscope.report import facts, reasons
from gilscope.report.facts import Row
from gilscope.report.figures import NONE, interval, narrow, percent, si, spread

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["OVER_SUBSCRIBED", "comparison", "explanation", "plain_table"]

OVER_SUBSCRIBED = "!"
_ROOMY = 100  # columns from which all words of the second table fit on one line


@dataclass(frozen=True, slots=True)
class _Column:
    """Headers for wide and narrow terminals, of one or two lines; ``cell`` gets a row and the fastest serial one."""

    header: str
    short: str
    cell: Callable[[Row, Row | None], str]
    words: bool = False


def _name(row: Row, best: Row | None) -> str:
    return str(row["implementation"])


def _executor(row: Row, best: Row | None) -> str:
    return facts.executor_label(row)


def _workers(row: Row, best: Row | None) -> str:
    return f"{row['workers']}{OVER_SUBSCRIBED if row['over_subscribed'] else ''}"


def _size(row: Row, best: Row | None) -> str:
    return str(row["size"])


def _rate(row: Row, best: Row | None) -> str:
    if not row["rate"]:
        return str(row["status"]).replace("_", " ")
    return f"{si(row['rate']['value'])} {spread(row['rate'])}"


def _speedup(row: Row, best: Row | None) -> str:
    return interval(row["speedup"])


def _efficiency(row: Row, best: Row | None) -> str:
    return percent(row["efficiency"])


def _of_control(row: Row, best: Row | None) -> str:
    return percent(row["relative_efficiency"]) if row["speedup"] else NONE


def _versus(row: Row, best: Row | None) -> str:
    estimate = row["vs_fastest_serial"]
    if row is best or estimate is None:
        return "1" if row is best else NONE
    return f"{narrow(estimate['value'])} {spread(estimate)}"


def _interpreter(row: Row, best: Row | None) -> str:
    """Return its name and the state of the GIL after all imports, which may not be what was asked for."""
    enabled = row["gil"]["enabled"]
    return str(row["interpreter"]) + ("" if enabled is None else " on" if enabled else " off")


_INTERPRETER = _Column("Python\nGIL", "Python\nGIL", _interpreter, words=True)
_EFFICIENCY = _Column("effi-\nciency", "effi-\nciency", _efficiency)
_VERSUS = _Column("versus\nserial", "versus\nserial", _versus)
_COLUMNS = (
    _Column("implementation", "imple-\nmentation", _name, words=True),
    _Column("executor", "executor", _executor, words=True),
    _Column("workers", "p", _workers),
    _Column("size", "#", _size),
    _Column("rate", "rate", _rate),
    _Column("speed-up", "speed-up", _speedup),
    _EFFICIENCY,
    _Column("of the\ncontrol", "of the\ncontrol", _of_control),
    _VERSUS,
)
_GIVEN_UP = (_EFFICIENCY, _VERSUS)  # in this order: the first is the speed-up over p, the second a ratio of two rates


def comparison(rows: Sequence[Row], best: Row | None, width: int) -> Table:
    """Lay out cases as wide as ``width`` allows.

    Parameters
    ----------
    best : row or None
        The fastest on one thread, to which the last column relates.
    """
    for layout in _layouts(marked=any(facts.mark(row) for row in rows)):
        table, natural = _laid_out(rows, best, *layout)
        if natural <= width:
            break
    return table


def _layouts(*, marked: bool) -> Iterator[tuple[Sequence[_Column], bool]]:
    """Yield (columns, roomy) from the widest to the narrowest; ``marked``: with the interpreter of each row."""
    left = [*_COLUMNS[:2], _INTERPRETER, *_COLUMNS[2:]] if marked else list(_COLUMNS)
    yield tuple(left), True
    yield tuple(left), False
    for column in _GIVEN_UP:
        left.remove(column)
        yield tuple(left), False


def _laid_out(rows: Sequence[Row], best: Row | None, columns: Sequence[_Column], roomy: bool) -> tuple[Table, int]:
    """Return the table and how many terminal columns it takes unfolded."""
    headers = [column.header if roomy else column.short for column in columns]
    gap = 2 if roomy else 1
    left = sum(column.words for column in columns)
    table = plain_table(headers[:left], headers[left:], gap=gap)
    widths = [max(map(len, header.split("\n"))) for header in headers]
    for row in rows:
        cells = [column.cell(row, best) for column in columns]
        if not roomy:
            cells[1] = cells[1].replace(".", "\n.")  # start method and transport on lines of their own
        widths = [max(have, *map(len, cell.split("\n"))) for have, cell in zip(widths, cells, strict=True)]
        table.add_row(*cells, style=_style(row))
    return table, sum(widths) + gap * (len(widths) - 1)


def _style(row: Row) -> str:
    if row["status"] in ("wrong_result", "failed", "timeout"):
        return "red"
    return "dim" if facts.is_single(row) else ""


def explanation(rows: Sequence[Row], width: int) -> Table | None:
    """Lay out where the time of the parallel cases went: the GIL, the largest loss, the findings; None without any.

    Parameters
    ----------
    width : int
        Names give up the words after the first finding where it is below ``_ROOMY``.
    """
    told = [row for row in rows if not facts.is_single(row) and (row["losses"] or row["findings"])]
    if not told:
        return None
    headers = ["GIL held", "GIL waiting"] if width >= _ROOMY else ["GIL\nheld", "GIL\nwait"]
    table = plain_table(["case"], [*headers, "largest loss"], gap=2 if width >= _ROOMY else 1)
    table.add_column("finding", overflow="fold")
    for row in told:
        gil = row["gil"]
        waiting = f"{gil['waiting']['value']:.2f}" if gil["waiting"] else NONE
        name = f"{facts.label(row)}*{_workers(row, None)}{facts.mark(row)}"
        found = (", " if width >= _ROOMY else ",\n").join(row["findings"]) or NONE
        table.add_row(name, percent(gil["held"]), waiting, reasons.largest_loss(row), found)
    return table


def plain_table(left: Sequence[str], right: Sequence[str], *, gap: int) -> Table:
    """Return a table without lines: ``left`` columns of words, ``right`` columns of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold", show_edge=False)
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    return table
