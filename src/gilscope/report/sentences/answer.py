"""The words of the short answer: its letters, what is fastest, why the others are not, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gilscope.analysis.answer import Answer
from gilscope.analysis.findings import cure_of
from gilscope.analysis.matrix import OPEN, Matrix, outcome, reasons
from gilscope.analysis.rows import CaseRow, ControlRow, is_measured
from gilscope.analysis.verdict import standing
from gilscope.report.figures import NONE, counted, interval, per_second, percent, quotient, seconds, sized
from gilscope.report.labels import MARKS, in_words
from gilscope.report.sentences import functions
from gilscope.report.sentences.findings import sentence
from gilscope.report.sentences.kernels import hardware_words, provisional
from gilscope.report.sentences.notes import trouble_notes, unavailable_notes

_NAMED = 3  # cases that a line names
_WORTH_SAYING, _MUCH = 0.01, 0.1  # of the time that other programs took; what widens an interval


def title(matrix: Matrix) -> str:
    """Say what the numbers of the matrix are."""
    if not matrix.rows:
        return "Nothing was measured on several workers"
    some = f"{matrix.workers[0]} to {matrix.workers[-1]}" if len(matrix.workers) > 1 else f"{matrix.workers[-1]}"
    unit = "workers, each with the whole work, over 1" if _is_weak(matrix) else "workers over 1"
    memory = any(row.pss_bytes is not None for cells in matrix.rows for row in cells.values())
    return f"Speed-up with {some} {unit} [95 % interval]{', memory of all processes' if memory else ''}"


def _is_weak(matrix: Matrix) -> bool:
    return all(row.case.scaling for cells in matrix.rows for row in cells.values())


def legend(cells: Iterable[CaseRow]) -> str:
    """Explain the letters that are used."""
    used = {MARKS[outcome(row)] for row in cells}
    return "  ".join(f"{one.letter} {one.meaning}" for one in dict.fromkeys(MARKS.values()) if one in used)


def about(answer: Answer, matrix: Matrix) -> Iterator[tuple[str, str]]:
    """Yield (label, text) of what is said below the matrix, the most important first."""
    cells = [row for found in matrix.rows for row in found.values()]
    if not answer.is_own:
        for kernel in answer.by_kernel:
            if text := fastest(answer, kernel):
                yield "Fastest", text
    said: set[str] = set()
    for code, pairs in sorted(reasons(cells).items(), key=lambda item: (-len(item[1]), item[0])):
        if code != "scales" and MARKS[code].letter not in said:
            said.add(MARKS[code].letter)
            yield "Why", _why(code, pairs[0][0], named=len(cells) > 1)
    if undecided := [row for row in cells if outcome(row) == OPEN]:
        yield "Why", f"?: {_undecided(undecided)}"
    for kernel in answer.by_kernel:
        yield from (("Failed", text) for text in trouble_notes(answer, kernel))
    missing = dict.fromkeys(text for kernel in answer.by_kernel for text in unavailable_notes(answer, kernel))
    yield from (("n/a", text) for text in missing)
    if noise := noise_sentence(answer):
        yield "Noise", noise


def best(answer: Answer) -> Iterator[str]:
    """Say of each of the user's functions which way is best: the first line of its verdict."""
    for kernel in answer.by_kernel:
        found = answer.verdict(kernel)
        for function in found.functions:
            first = next(functions.about(function), "")
            yield " ".join(filter(None, [provisional(found), first]))


def fastest(answer: Answer, kernel: str) -> str:
    """Name what is fastest on several workers, its rate, and how that compares with the pure-Python loop."""
    found = answer.verdict(kernel)
    if not found.fastest:
        return ""
    top = found.fastest[0]
    names = [in_words(row) for row in found.fastest[:_NAMED]]
    more = f" and {len(found.fastest) - _NAMED} more" if len(found.fastest) > _NAMED else ""
    tie = " (tie)" if len(found.fastest) > 1 else ""
    parts = [f"{kernel}: {', '.join(names)}{more}{tie}"]
    if top.rate is not None:
        parts.append(per_second(top.rate))
    if found.plain is not None and top.case.implementation != "py_loop":
        ratio = quotient(standing(top), standing(found.plain))
        parts.append(f"{ratio.value:.3g}x the loop in pure Python")
    if used := hardware_words(top):
        parts.append(f"uses {used}")
    return " ".join(filter(None, [provisional(found), ", ".join(parts)]))


def _why(code: str, worst: CaseRow, *, named: bool) -> str:
    where = f" ({_where(worst)})" if named else ""
    found = next(one for one in worst.findings if one.code == code)
    fix = cure_of(code)
    return f"{MARKS[code].letter}: {sentence(found, worst)}{where}." + (f" Fix: {fix}." if fix else "")


def _where(row: CaseRow) -> str:
    return f"{row.case.implementation if row.case.is_own else row.case.kernel}, {in_words(row)}"


def _undecided(rows: list[CaseRow]) -> str:
    worst = max(rows, key=lambda row: row.judged.relative_half_width if row.judged is not None else 0.0)
    which = f"{counted(len(rows), 'case')}, the widest interval {interval(worst.judged)} ({_where(worst)})"
    taken = worst.basis.taken_out
    much = taken is not None and taken.value > _MUCH
    why = f". Other programs and slow CPUs took {percent(taken)} of its time" if much else ""
    return f"{which}{why}. Fix: {cure_of('too_noisy')}."


def noise_sentence(answer: Answer) -> str:
    """Say how far equal code differed, and how much of the time other programs took."""
    parts = []
    floors = [row for kernel in answer.by_kernel for row in answer.controls_of(kernel, "A/A") if row.speedup]
    if floors:
        worst = max(floors, key=lambda row: abs(row.speedup.value - 1.0) if row.speedup else 0.0)
        parts.append(f"the same code twice: {interval(worst.speedup)}")
    taken = [row.basis.taken_out for row in answer.rows if row.basis.taken_out is not None]
    if (most := max(taken, key=lambda found: found.value, default=None)) and most.value >= _WORTH_SAYING:
        parts.append(f"up to {percent(most)} of the time went to other programs and slow CPUs and is not counted")
    blocks = [row.blocks for row in answer.kernels]
    if blocks:
        some = f"{min(blocks)} to {max(blocks)}" if min(blocks) < max(blocks) else f"{blocks[0]}"
        parts.append(f"each case measured {some} times")
    return "; ".join(parts)


def limits(answer: Answer, matrix: Matrix, column: str) -> tuple[ControlRow | None, ControlRow | None]:
    """Return the controls beside a column with as many workers: the machine's limit, and that of its memory."""
    kernel = next(iter(answer.by_kernel)) if answer.is_own else column
    counts = {row.case.workers for cells in matrix.rows for name, row in cells.items() if name == column}

    def of(role: str) -> ControlRow | None:
        found = answer.controls_of(kernel, role)  # type: ignore[arg-type]
        return next((row for row in found if row.case.workers in counts and row.judged is not None), None)

    return of("spin"), of("isolated")


LIMITS = ("machine's limit", "memory's limit")  # names of what ``limits`` returns
ALONE = "one at a time"


def alone(answer: Answer, column: str) -> str:
    """Say how long one call of a function takes, one after the other, and the memory of that."""
    for rows in answer.by_kernel.values():
        for row in rows:
            if row.case.implementation == column and row.case.is_single and is_measured(row) and row.rate is not None:
                memory = f", {sized(row.pss_bytes)}" if row.pss_bytes is not None else ""
                return f"{seconds(1.0 / row.rate.value)} a call{memory}"
    return NONE


def machine(answer: Answer) -> str:
    """Say in a line what measured: gilscope, Python with its GIL, processor and usable CPUs."""
    here = answer.surroundings
    parts = [f"gilscope {answer.tool_version}".rstrip()]
    for python in here.interpreters or (here.interpreter,):
        if python.known:
            name = python.label if here.interpreters else f"{python.implementation} {python.version}"
            parts.append(f"{name}, GIL {'off' if python.gil_enabled is False else 'on'}")
    cpus = counted(here.cpus.count, "usable CPU") if here.cpus.count else ""
    parts.append(", ".join(filter(None, (here.machine.cpu_model, cpus))))
    return " | ".join(filter(None, parts))


def more(answer: Answer, matrix: Matrix) -> str:
    """Say how to see the rest."""
    left = f" ({counted(matrix.left_out, 'case')} with fewer or more workers)" if matrix.left_out else ""
    numbers = [answer.numbers[row.case.id] for cells in matrix.rows for row in cells.values()]
    one = f" | show --case {numbers[0]}" if numbers else ""
    own = "" if answer.is_own else " | your own code: gilscope profile FILE.py:FUNCTION"
    return f"gilscope show --full{left}{one} | report (opens report.html){own}"
