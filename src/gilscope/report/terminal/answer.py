"""The short answer: one matrix, what is fastest, what stops the rest and what it rests on; a screen at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gilscope.analysis.answer import Answer
from gilscope.analysis.matrix import Matrix, matrix_of, outcome
from gilscope.analysis.rows import CaseRow, ControlRow
from gilscope.report.figures import counted, interval, narrow, printable, sized
from gilscope.report.labels import MARKS, in_words
from gilscope.report.sentences import answer as words
from gilscope.report.sentences.environment import check_notes
from gilscope.report.terminal.painted import filled

LINES, OWN_LINES = 40, 20
"""What an answer takes at most: about kernels, and about the user's own functions."""

_LABEL_COLUMNS = 10  # "Fastest" and spaces
_LONGEST = 3  # lines of what others wrote: reasons and errors, whose end is the fix
_OF_OTHERS = ("Failed", "n/a")  # labels of texts that others wrote
_CAUTIONS = 2
_LEAST_BELOW = {False: 8, True: 5}  # lines for what is said below the matrix, of kernels and of own functions


def render_answer(answer: Answer, *, width: int, color: bool = False) -> str:
    """Lay out the answer; what does not fit is counted, and ``show --full`` has it."""
    matrix, most = matrix_of(answer), OWN_LINES if answer.is_own else LINES
    cautions = [f"caution: {text}" for text in check_notes(answer.surroundings)[:_CAUTIONS]]
    cautions += [f"warning: {text}" for text in answer.warnings[:_CAUTIONS]]
    if answer.interrupted:
        cautions.append("Interrupted: what was measured until then.")
    head = [line for text in (*words.best(answer), words.machine(answer), *cautions) for line in _lines(text, width)]
    more = [*_lines(answer.result, width, "Result"), *_lines(words.more(answer, matrix), width, "More")]
    below, last = [], ""
    for label, text in words.about(answer, matrix):
        whole = _shortened(text, width) if label in _OF_OTHERS else text
        below.append(_lines(whole, width, " " if label == last else label))
        last = label
    first = len(below[0]) + 1 if below else 0  # which is whole, whatever that costs the table
    table = _table(answer, matrix, width, most - len(head) - len(more) - max(first, _LEAST_BELOW[answer.is_own]))
    lines = [*head, *table, *_as_fits(below, most - len(head) - len(table) - len(more)), *more]
    return printable("\n".join(lines) + "\n", color=color)


def _lines(text: str, width: int, label: str = "") -> list[str]:
    """Wrap a text beside its label."""
    indent = f"{label:<{_LABEL_COLUMNS}}" if label else ""
    return filled(indent, text, width).split("\n")


def _shortened(text: str, width: int) -> str:
    """Leave out the middle of a long text: what happened is at its beginning, the fix at its end."""
    room = _LONGEST * (width - 2 * _LABEL_COLUMNS)
    return text if len(text) <= room else f"{text[: room // 2].rstrip()} ... {text[-room // 2 :].lstrip()}"


def _as_fits(parts: Sequence[list[str]], room: int) -> list[str]:
    """Return the lines of as many parts as there is room for, and how many are left out."""
    lines: list[str] = []
    for number, part in enumerate(parts):
        left = len(parts) - number
        if len(lines) + len(part) > room - (left > 1):
            return [*lines, f"{'':<{_LABEL_COLUMNS}}and {left} more: gilscope show --full"]
        lines += part
    return lines


def _table(answer: Answer, matrix: Matrix, width: int, room: int) -> list[str]:
    """Lay out the matrix with intervals where they fit, else without, in several pieces where even that is too wide."""
    if not matrix.rows:
        return [words.title(matrix)]
    cells = [row for found in matrix.rows for row in found.values()]
    names = [in_words(next(iter(found.values()))) for found in matrix.rows]
    own = answer.is_own
    single = [words.alone(answer, column) for column in matrix.columns] if own else []
    first = max(map(len, [*names, *words.LIMITS, words.ALONE if own else ""]))
    for full in (True, False):
        columns = [_column(answer, matrix, column, full=full) for column in matrix.columns]
        widths = [max(map(len, [name, *column])) + 2 for name, column in zip(matrix.columns, columns, strict=True)]
        if first + sum(widths) <= width:
            break
    heads = [*names, *words.LIMITS]
    lines, at = [words.title(matrix)], 0
    while at < len(columns):
        count = _fitting(widths[at:], width - first)
        part = slice(at, at + count)
        needed = 1 + len(heads)
        if at and len(lines) + needed > room:
            lines.append(f"and {counted(len(columns) - at, 'column')} more: gilscope show --full")
            break
        lines += _piece(heads, matrix.columns[part], columns[part], widths[part], first)
        if own:
            lines.append(_joined(words.ALONE, single[part], widths[part], first))
        at += count
    if len(lines) > room:  # a study with many ways
        lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines: gilscope show --full"]
    return [*lines, *_lines(words.legend(cells), width)]


def _fitting(widths: Sequence[int], room: int) -> int:
    """Return how many columns fit, at least one."""
    count, used = 0, 0
    for each in widths:
        used += each
        if count and used > room:
            break
        count += 1
    return count


def _piece(
    heads: Sequence[str], names: Sequence[str], columns: Sequence[Sequence[str]], widths: Sequence[int], first: int
) -> Iterator[str]:
    yield _joined("", names, widths, first)
    for index, head in enumerate(heads):
        cells = [column[index] for column in columns]
        if any(cells):
            yield _joined(head, cells, widths, first)


def _joined(head: str, cells: Sequence[str], widths: Sequence[int], first: int) -> str:
    return (
        f"{head:<{first}}" + "".join(f"  {cell:<{each - 2}}" for cell, each in zip(cells, widths, strict=True))
    ).rstrip()


def _column(answer: Answer, matrix: Matrix, column: str, *, full: bool) -> list[str]:
    """Return the cells of a column: one per way, then what the machine and its memory gave."""
    cells = [_cell(answer, found.get(column), full=full) for found in matrix.rows]
    return [*cells, *(_limit(row) for row in words.limits(answer, matrix, column))]


def _cell(answer: Answer, row: CaseRow | None, *, full: bool) -> str:
    if row is None:
        return ""
    letter = MARKS[outcome(row)].letter
    if row.judged is None:
        return letter
    number = f" #{answer.numbers[row.case.id]}" if full else ""
    memory = f"  {sized(row.pss_bytes)}" if row.pss_bytes is not None else ""
    return f"{interval(row.judged) if full else narrow(row.judged.value)} {letter}{number}{memory}"


def _limit(row: ControlRow | None) -> str:
    return "" if row is None or row.judged is None else narrow(row.judged.value)
