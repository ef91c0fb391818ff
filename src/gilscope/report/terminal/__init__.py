"""The answer in the terminal, for 80 columns or more; colour only repeats what a word or sign already says."""

from __future__ import annotations

from gilscope.analysis.answer import Answer
from gilscope.analysis.compare import ResultComparison
from gilscope.analysis.rows import is_measured
from gilscope.report.case_facts import ONE_TIME
from gilscope.report.figures import NONE, interval, printable, seconds
from gilscope.report.sentences import closing
from gilscope.report.sentences.compare import compare_notes
from gilscope.report.sentences.environment import check_notes, environment_note, interpreter_notes
from gilscope.report.sentences.findings import finding_notes
from gilscope.report.sentences.notes import notes_of
from gilscope.report.terminal.painted import filled, painted, plain_table
from gilscope.report.terminal.tables import comparison, explanation, products

__all__ = ["rates_title", "render", "render_compare", "render_head", "render_kernel", "render_one_time"]

_LABEL_COLUMNS = 11  # "precision" and two spaces


def render(answer: Answer, *, width: int, color: bool = False, one_time: bool = False) -> str:
    """Lay out a result: per kernel the table, what to know about it, the verdict, and with ``one_time`` those costs."""
    parts = [render_head(answer, width)]
    for kernel in answer.by_kernel:
        parts.append(render_kernel(answer, kernel, width=width, color=color))
        if one_time:
            parts.append(render_one_time(answer, kernel, width=width, color=color))
    if not answer.rows:
        parts.append("No case was measured.")
    return printable("\n\n".join(filter(None, parts)) + "\n", color=color)


def render_head(answer: Answer, width: int) -> str:
    """Lay out on what was measured, what could have spoilt it, and where the result is."""
    lines = [
        environment_note(answer.surroundings),
        *(f"{label}: {text}" for label, text in interpreter_notes(answer.surroundings)),
        *(f"caution: {text}" for text in check_notes(answer.surroundings)),
        *(f"warning: {text}" for text in answer.warnings),
        "Interrupted: what was measured until then." if answer.interrupted else "",
        f"result: {answer.result}",
    ]
    return "\n".join(filled("", line, width) for line in lines if line)


def render_kernel(answer: Answer, kernel: str, *, width: int, color: bool = False) -> str:
    """Lay out one kernel: table, notes, closing sentence."""
    shown = [row for row in answer.by_kernel[kernel] if row.status != "unavailable"]
    table = painted(comparison(shown, width, answer.numbers), width, color=color) if shown else ""
    for more in (explanation(shown, width), products(shown, width)):
        if more is not None:
            table += "\n" + painted(more, width, color=color)
    labelled = [(note.label, text) for note, text in notes_of(answer, kernel)]
    labelled += [("finding", text) for text in finding_notes(answer, kernel)]
    labelled.append(("verdict", closing(answer, kernel)))
    lines = [filled(f"{label:<{_LABEL_COLUMNS}}", text, width) for label, text in labelled]
    return "\n".join(filter(None, (rates_title(answer, kernel), table.rstrip("\n"), *lines)))


def rates_title(answer: Answer, kernel: str) -> str:
    """Name a kernel's table, and the unit of its rates."""
    units = sorted({row.rate.unit for row in answer.by_kernel[kernel] if is_measured(row) and row.rate is not None})
    return f"{kernel}, rates in {', '.join(units)} per second" if units else kernel


def render_one_time(answer: Answer, kernel: str, *, width: int, color: bool = False) -> str:
    """Lay out what is paid once per case: starting workers, importing, compiling, sending inputs."""
    rows = [row for row in answer.by_kernel[kernel] if any(row.one_time_s.values())]
    if not rows:
        return ""
    table = plain_table(["case"], [*ONE_TIME, "jit cache"])
    for row in rows:
        cells = (seconds(cost) if (cost := row.one_time_s.get(name)) else NONE for name in ONE_TIME)
        table.add_row(row.case.id, *cells, NONE if row.jit_cache == "none" else row.jit_cache)
    return f"{kernel}: one-time costs, not part of any rate\n{painted(table, width, color=color).rstrip()}"


def render_compare(found: ResultComparison, *, gate: str = "", width: int, color: bool = False) -> str:
    """Lay out two results side by side; ``gate`` is the gate as the user wrote it, or empty."""
    table = plain_table(["case"], ["rate, B over A"])
    table.add_column("verdict", overflow="fold")
    failed = frozenset(found.failed)
    for entry in found.cases:
        outcome = f"{entry.outcome}: {entry.reason}" if entry.reason else entry.outcome
        table.add_row(entry.case.id, interval(entry.ratio), outcome, style="red" if entry.case in failed else "")
    notes = "".join(f"{line}\n" for line in compare_notes(found, gate))
    return printable(painted(table, width, color=color) + notes, color=color)
