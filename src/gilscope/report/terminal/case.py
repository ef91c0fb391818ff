"""Everything known about one case: ``gilscope show --case``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from gilscope.analysis.answer import Answer, CaseRow, Limits, Placement
from gilscope.analysis.findings import Finding, cure_of
from gilscope.analysis.gil import GilSeen
from gilscope.cases import Case
from gilscope.errors import UnknownNameError, UsageError
from gilscope.records import Block, CaseRecord, ResultSet, Round
from gilscope.registry import nearest
from gilscope.report.figures import NONE, interval, percent, printable, seconds, si
from gilscope.report.sentences.findings import LOSS_WORDS, sentence
from gilscope.report.terminal import ONE_TIME
from gilscope.report.terminal.painted import facts_table, painted, plain_table
from gilscope.stats import Estimate
from gilscope.units import NS_PER_S

__all__ = ["find_case", "render_case"]

BAR_COLUMNS = 76  # of the loss bar: one for 1.3 %, and it fits the narrowest usual terminal
BAR_LETTERS = {
    "work": "=",
    "gil_wait": "G",
    "run_queue": "q",
    "stolen": "s",
    "dispatch": "d",
    "imbalance": "i",
    "blocked": "b",
    "omp_idle": "o",
    "inflation": "c",
    "residual": "?",
}
LISTED_WORKERS = 16  # as many as have stamps of their own
LISTED_BLOCKS = 12  # a screen; the rest is in --json and in the file


def find_case(answer: Answer, asked: str) -> CaseRow:
    """Return the row of a case, found by its id in any spelling.

    Raises
    ------
    UnknownNameError
        If the result has no such case; the message names the nearest.
    UsageError
        If the text is no case id and is like none of the result's.
    """
    rows = answer.row_of
    try:
        found = rows.get(asked) or rows.get(Case.parse(asked).id)
    except UsageError:
        found = None
    if found is not None:
        return found
    close = nearest(asked, rows)
    hint = f"did you mean {close!r}?" if close else "'gilscope show --json' lists them"
    raise UnknownNameError(f"no case {asked!r} in {answer.result}: {hint}")


def render_case(answer: Answer, row: CaseRow, measured: ResultSet, *, width: int, color: bool = False) -> str:
    """Lay out one case: its figures, where its time went and why, its rounds block by block, and what went wrong."""
    case = row.case.id
    record = measured.cases.get(case)
    parts = [f"{case}\n{facts_table({**_figures(row), **_record(record, row)}, width, color=color)}"]
    if row.losses:
        parts.append(_where(row, row.losses, width))
    parts += [_why(found, row, width) for found in row.findings]
    rounds = _rounds(case, measured.blocks)
    if rounds:
        parts.append(_blocks(rounds, width, color=color))
    if row.detail:
        parts.append(f"detail\n{row.detail.rstrip()}\n")
    return printable("\n".join(parts), color=color)


def _figures(row: CaseRow) -> dict[str, str]:
    """Return the estimates as names and values."""
    over = " (more than the usable CPUs)" if row.over_subscribed else ""
    pairs = {
        "status": row.status.replace("_", " ") + (f": {row.why}" if row.why else ""),
        "executor": row.case.how,
        "interpreter": _interpreter(row),
        "workers": f"{row.case.workers}{over}",
        "blocks": str(row.blocks),
        "time": interval(row.wall_s, seconds),
        "rate": f"{interval(row.rate, lambda value: si(value).rstrip())} {row.rate.unit}/s" if row.rate else NONE,
        "speed-up": interval(row.speedup),
        "efficiency": percent(row.efficiency),
        "of the control": percent(row.relative_efficiency),
        **(_limits(row.ceiling) if row.ceiling is not None else {}),
        **_gil(row.gil),
        "findings": ", ".join(row.codes) or NONE,
    }
    return {name: value for name, value in pairs.items() if value != NONE}


def _interpreter(row: CaseRow) -> str:
    """Say which Python measured it, and whether the GIL was really on; nothing where neither is known."""
    enabled = row.gil.enabled
    state = "" if enabled is None else "GIL on" if enabled else "GIL off"
    version = f"Python {row.python}" if row.python else ""
    known = ", ".join(part for part in (version, state, row.gil.switched_on) if part)
    return f"{row.interpreter} ({known})" if known else NONE


def _limits(found: Limits) -> dict[str, str]:
    """Return what the controls reached, and what was lost on the way down from p."""
    steps = {"machine": found.machine, "memory": found.memory, "software": found.software}
    lost = [f"{name} {percent(step)}" for name, step in steps.items() if step is not None]
    if len(lost) < len(steps) and found.below_spin is not None:
        lost.append(f"memory and software {percent(found.below_spin)}")
    borrowed = f" (of {found.isolated_of.id})" if found.isolated_of is not None and found.isolated is not None else ""
    return {
        "spin control": interval(found.spin),
        "isolated": interval(found.isolated) + borrowed,
        "lost to": ", ".join(lost) or NONE,
    }


def _gil(gil: GilSeen) -> dict[str, str]:
    """Return what the probe saw, or why it did not; on a free-threaded build also who switched the GIL on."""
    by = {"GIL on": gil.switched_on.removeprefix("switched on ") or NONE}
    if not gil.available:
        return {**by, "GIL": "; ".join(part for part in (gil.reason, gil.cure) if part) or NONE}
    rate = gil.handovers_per_s
    return {
        **by,
        "GIL held": percent(gil.held),
        "threads waiting": interval(gil.waiting),
        "hand-overs": f"{si(rate).rstrip()}/s" if rate is not None else NONE,
        "asked in vain": percent(gil.overdue),
        "probe's cost": f"{interval(gil.slow_down)} times the time" if gil.slow_down is not None else NONE,
    }


def _where(row: CaseRow, losses: Mapping[str, Estimate | None], width: int) -> str:
    """Draw where the workers' time went: one stacked bar, and a line per part."""
    known = {name: loss for name, loss in losses.items() if loss is not None}
    parts = {"work": 1.0 - math.fsum(loss.value for loss in known.values())}
    parts |= {name: loss.value for name, loss in known.items()}
    room = min(width, BAR_COLUMNS + 2) - 2
    bar = stacked([(BAR_LETTERS[name], max(0.0, value)) for name, value in parts.items()], room)
    lines = [f"  {BAR_LETTERS['work']}  {'work of T(1)':<14}{100 * parts['work']:>4.0f}%"]
    lines += [f"  {BAR_LETTERS[name]}  {LOSS_WORDS[name]:<14}{percent(loss):>8}" for name, loss in known.items()]
    head = f"where the time of {row.case.workers} workers went (means; they add up to 100 %)"
    return "\n".join([head, f"[{bar}]", *lines, ""])


def stacked(parts: Sequence[tuple[str, float]], columns: int) -> str:
    """Return a bar of ``columns`` letters, each part's by its size; the ends are rounded, so the sum is exact."""
    total = math.fsum(size for _, size in parts)
    if total <= 0:
        return " " * columns
    bar, reached = "", 0.0
    for letter, size in parts:
        reached += size
        bar += letter * (round(columns * reached / total) - len(bar))
    return bar


def _why(found: Finding, row: CaseRow, width: int) -> str:
    """Say a finding, its evidence and its fix."""
    said = f"{found.code}: {sentence(found, row)}."
    lines = textwrap.wrap(said, width, subsequent_indent="  ", break_on_hyphens=False)
    cure = cure_of(found.code)
    if cure:
        lines += textwrap.wrap(f"cure: {cure}.", width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join([*lines, ""])


def _record(record: CaseRecord | None, row: CaseRow) -> dict[str, str]:
    """Return what was found while the case was prepared."""
    if record is None:
        return {}
    paid = row.one_time_s
    pairs = {
        "executions per round": str(row.repeats) if row.repeats else "",
        "work per execution": f"{si(record.work.units)} {record.work.unit}" if record.work else "",
        "instruction set": row.isa,
        "JIT cache": "" if row.jit_cache == "none" else row.jit_cache,
        "paid once": ", ".join(f"{name} {seconds(paid[name])}" for name in ONE_TIME if paid.get(name)),
        "measured in": record.family,
        **{f"worker {number}": _place(place) for number, place in enumerate(row.placed[:LISTED_WORKERS])},
    }
    return {name: value for name, value in pairs.items() if value}


def _place(place: Placement) -> str:
    """Say where a worker is, what it shares its core with, and how well its clock is known."""
    words = [place.worker] if place.worker is not None else []
    if place.cpu is not None:
        node = f" of node {place.node}" if place.node is not None else ""
        siblings = ", ".join(map(str, place.siblings or ()))
        words.append(f"CPU {place.cpu}{node}" + (f" beside {siblings} on the same core" if siblings else ""))
    if place.clock_error_ns is not None and place.clock_offset_ns is not None:
        offset_s, error_s = place.clock_offset_ns / NS_PER_S, place.clock_error_ns / NS_PER_S
        known = f"clock {offset_s:+.6f} s, known to {seconds(error_s)}"
        words.append(known if place.clock_error_ns else "clock of this machine")
    return ", ".join(words)


def _rounds(case: str, blocks: Sequence[Block]) -> list[tuple[int, Round]]:
    return [(block.index, block.rounds[case]) for block in blocks if case in block.rounds]


def _blocks(rounds: Sequence[tuple[int, Round]], width: int, *, color: bool) -> str:
    """Lay out the rounds: wall, CPU and waiting, all workers together."""
    table = plain_table([], ["block", "wall", "CPU", "waiting", "run queue", "stolen"], gap=2)
    for index, found in rounds[:LISTED_BLOCKS]:
        table.add_row(str(index), *_cells(found))
    left_out = len(rounds) - LISTED_BLOCKS
    more = f"and {left_out} more; 'gilscope show --json' has them\n" if left_out > 0 else ""
    middle = median(found.wall_ns for _, found in rounds) / NS_PER_S
    return f"rounds, workers added up (median wall {seconds(middle)})\n{painted([table], width, color=color)}{more}"


def _cells(found: Round) -> Iterator[str]:
    stamps = found.stamps
    queues = [stamp.run_queue_ns for stamp in stamps if stamp.run_queue_ns is not None]
    waiting = sum(stamp.waiting_ns + max(0, found.end_ns - found.combine_ns - stamp.end_ns) for stamp in stamps)
    yield seconds(found.wall_ns / NS_PER_S)
    yield seconds(sum(stamp.cpu_ns for stamp in stamps) / NS_PER_S)
    yield seconds(waiting / NS_PER_S)
    yield seconds(sum(queues) / NS_PER_S) if queues else NONE
    yield seconds(found.steal_ns / NS_PER_S) if found.steal_ns is not None else NONE
