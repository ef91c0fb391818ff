"""How a whole program used the GIL: the report of ``gilscope gil`` in the terminal, at most 80 columns wide.

Printing needs nothing but the standard library, because the program that was measured may have changed anything.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from gilscope.analysis.findings import gil_bound, gil_held_in_c, gil_re_enabled
from gilscope.analysis.findings._gil import SATURATED
from gilscope.analysis.program import GilVerdict, ProgramReport, gil_code
from gilscope.report.figures import NONE, interval, narrow, percent, printable, seconds, si
from gilscope.report.latency import latency_text
from gilscope.stats import Estimate
from gilscope.telemetry.reading import GilReading, GilReport

if TYPE_CHECKING:
    from gilscope.telemetry.program import ProgramRun

WIDTH = 80
_LABEL = 12  # columns before each text
_ROWS = 12  # threads shown; the rest is one line
_NAME = 32  # columns of a thread's name
_BLOCKS = "▁▂▃▄▅▆▇█"
_DIGITS = "0123456789"
_LOOKS = 3  # per column on average, so that hardly any column has none
_ON_PURPOSE = "PYTHON_GIL"  # telemetry.free_threading names the variable where the user asked for the GIL
_CHILDREN = 0.1  # CPUs busy in child processes from which they are worth a word


def program_report(
    run: ProgramRun, *, interpreter: str, cpu_s: float, children_cpu_s: float, tool_version: str
) -> ProgramReport:
    """Complete what was measured of a program with what it means; children are the child processes that ended."""
    return ProgramReport(
        tool_version=tool_version,
        interpreter=interpreter,
        target=run.target,
        arguments=run.arguments,
        exit_status=run.exit_status,
        wall_s=run.wall_s,
        gil=run.gil,
        cpu_s=cpu_s,
        children_cpu_s=children_cpu_s,
        verdict=judge(run.gil, cpus_busy=cpu_s / run.wall_s if run.wall_s else 0.0),
        note=run.note,
    )


def render_gil(report: ProgramReport, *, unicode: bool = True) -> str:
    """Lay the report out; without ``unicode`` the strip is drawn in digits."""
    parts, reading = [_head(report)], report.gil.reading
    if reading is not None:
        table = _thread_table(reading, report.gil.threads_reason)
        parts += [_numbers(report, reading), strip(reading, unicode=unicode), table]
    if report.gil.latency is not None:
        parts.append(_labelled("latency", latency_text(report.gil.latency)))
    verdict = report.verdict
    cure = f"\n{_labelled('fix', f'{verdict.cure}.')}" if verdict.cure else ""
    parts.append(_labelled("verdict", f"{verdict.code}: {verdict.sentence}") + cure)
    return printable("\n\n".join(filter(None, parts)) + "\n")


def _labelled(name: str, text: str) -> str:
    head = f"{name:<{_LABEL}}"
    return textwrap.fill(text, WIDTH, initial_indent=head, subsequent_indent=" " * _LABEL, break_on_hyphens=False)


def _head(report: ProgramReport) -> str:
    command = " ".join([report.target, *report.arguments])
    shown = textwrap.shorten(command, WIDTH - _LABEL, placeholder=" ...") or command[: WIDTH - _LABEL]
    ended = f"{seconds(report.wall_s)}, exit status {report.exit_status}, {report.interpreter}"
    note = f"\n{_labelled('note', report.note)}" if report.note else ""
    return f"{_labelled('GIL of', shown)}\n{_labelled('ran', ended)}{note}"


def _numbers(report: ProgramReport, reading: GilReading) -> str:
    waiting, turn = f"n/a: {report.gil.waiting_reason}", reading.holds.turn_s
    if reading.waiting is not None:
        share = f"at least one {100 * reading.contended:.0f} % of the time"
        waiting = f"{interval(reading.waiting)} threads on average; {share}"
    between = f"; held {seconds(turn)} in between on average" if turn is not None else ""
    cost = f"own cost {100 * reading.cost:.1f} % of a CPU"
    children = report.children_cpu_s / report.wall_s
    more = f", and {children:.2f} in child processes, each with a GIL of its own that is not measured"
    lines = {
        "held": f"{percent(reading.held)} of the time",
        "waiting": waiting,
        "hand-offs": f"{reading.handovers}, {si(reading.handovers_per_s).rstrip()} a second{between}",
        "late": _late(reading, report.gil.overdue_reason),
        "CPUs": f"{report.cpu_s / report.wall_s:.2f} busy on average{more if children >= _CHILDREN else ''}",
        "probe": f"{reading.samples} samples, one in {seconds(reading.interval_s)} on average; {cost}",
    }
    return "\n".join(_labelled(name, text) for name, text in lines.items())


def _late(reading: GilReading, reason: str) -> str:
    overdue = reading.holds.overdue
    if overdue is None:
        return f"n/a: {reason}"
    if not reading.contended:
        return "no thread was seen to ask for the GIL"
    return f"{percent(overdue)} of the held time was after another thread had asked for it"


def strip(reading: GilReading, *, unicode: bool = True) -> str:
    """Draw held share, waiting threads and hand-offs over time, a character per column."""
    timeline = reading.timeline
    bins = len(timeline.held)
    if not bins:
        return ""
    columns = max(1, min(WIDTH - _LABEL, bins, reading.samples // _LOOKS))
    ramp = _BLOCKS if unicode else _DIGITS
    rows = {
        "held": _row(timeline.held, columns, partial(_level, ramp)),
        "waiting": _row(timeline.waiting, columns, _count),
        "hand-offs": _row(timeline.handovers_per_s, columns, _power),
    }
    legend = (
        f"held: {ramp[0]} hardly, {ramp[-1]} all the time; waiting: threads, rounded; hand-offs: 2 is 100 to 999 a "
        "second, 3 is 1000 to 9999; . is none, a gap was not sampled"
    )
    column_s = bins * timeline.bin_s / columns
    title = _labelled("over time", f"0 to {seconds(reading.window_s)}, {seconds(column_s)} a column")
    lines = [f"{name:<{_LABEL}}{row}".rstrip() for name, row in rows.items() if row.strip()]
    return "\n".join([title, *lines, _labelled("", legend)])


def _row(levels: Sequence[float | None], columns: int, write: Callable[[float], str]) -> str:
    """Write the mean of the known levels in each column; a gap where none is known."""
    letters = []
    for column in range(columns):
        first, last = column * len(levels) // columns, (column + 1) * len(levels) // columns
        known = [level for level in levels[first:last] if level is not None]
        letters.append(write(math.fsum(known) / len(known)) if known else " ")
    return "".join(letters)


def _level(ramp: str, share: float) -> str:
    return "." if share <= 0 else ramp[min(len(ramp) - 1, int(share * len(ramp)))]


def _count(threads: float) -> str:
    count = round(threads)
    return "." if not count else str(count) if count < 10 else "+"


def _power(rate: float) -> str:
    return "." if rate <= 0 else str(min(9, max(0, math.floor(math.log10(rate)))))


def _thread_table(reading: GilReading, reason: str) -> str:
    threads = reading.threads
    if not threads:
        return _labelled("threads", f"n/a: {reason}") if reason else ""
    full = [thread.name for thread in threads[:_ROWS]]
    names = [name if len(name) <= _NAME else f"{name[: _NAME - 3]}..." for name in full]
    width = max(len("thread"), *map(len, names))
    lines = [f"{'thread':<{width}}  {'GIL held':>9}  {'late':>5}"]
    known = reading.holds.overdue is not None
    for name, thread in zip(names, threads, strict=False):
        late = f"{100 * thread.overdue:.0f}%" if known else NONE
        lines.append(f"{name:<{width}}  {percent(thread.held):>9}  {late:>5}")
    rest = threads[_ROWS:]
    if rest:
        total = math.fsum(thread.held.value for thread in rest)
        lines.append(f"and {len(rest)} more threads: {100 * total:.0f}% together")
    if reading.unattributed >= 0.01:
        lines.append(f"{100 * reading.unattributed:.0f}% of the held time could not be given to a thread")
    return "\n".join(lines)


def judge(gil: GilReport, *, cpus_busy: float) -> GilVerdict:
    """Say what the numbers of a program mean; ``cpus_busy`` is its CPU time over its wall time."""
    code, reading, by = gil_code(gil, cpus_busy=cpus_busy), gil.reading, gil.switched_on
    cpus = f"{narrow(cpus_busy)} CPUs"
    sentence, cure = _unmeasured(gil, cpus) if reading is None else _explained(code, reading, cpus)
    if by and reading is not None:
        sentence = f"This free-threaded build runs with the GIL, {by}. {sentence}"
        cures = [cure] if _ON_PURPOSE in by else [gil_re_enabled.CURE, cure]
        cure = "; ".join(filter(None, cures))
    return GilVerdict(code=code, sentence=sentence, cure=cure)


def _unmeasured(gil: GilReport, cpus: str) -> tuple[str, str]:
    if not gil.enabled:
        return (
            f"There is no GIL: this free-threaded build ran the threads in parallel, {cpus} were busy "
            " on average. What holds them up, if anything, is not the GIL."
        ), ""
    cure = "" if gil.reason.endswith("higher rate") else "'gilscope doctor' says what this machine allows"
    return f"The GIL was not measured: {gil.reason}.", cure


def _explained(code: str, reading: GilReading, cpus: str) -> tuple[str, str]:
    """Return what a verdict means, and what to do."""
    held, average = percent(reading.held), f"{interval(reading.waiting)} threads wait for it on average"
    costs = f"the GIL is held {held} of the time" + ("" if reading.waiting is None else f", {average}")
    match code:
        case "cannot_tell":
            return (
                f"{reading.samples} samples in {seconds(reading.window_s)} leave the held share anywhere between "
                f"{100 * reading.held.low:.0f} and {100 * reading.held.high:.0f} %: too few to tell."
            ), "give it more work, or sample more often (--rate 2000)"
        case "idle":
            return (
                f"Idle: this process kept {cpus} busy and held the GIL {held} of the time. It slept or waited for I/O "
                "or for other processes; the GIL is not what holds it up."
            ), ""
        case "one_thread":
            return (
                f"One thread at a time: {costs}. Nothing is lost to it now, but more threads of this kind would gain "
                "nothing: byte code, or C code that does not release it."
            ), f"before adding threads, {gil_bound.CURE}"
        case "released":
            return (
                f"Mostly released: {costs}, {cpus} are busy. Threads can scale: the GIL leaves room for "
                f"{_room(reading.held)} times this work."
            ), ""
        case "partly_held":
            return (
                f"Held part of the time: {costs}, {cpus} are busy. It costs little now, but leaves room for no more "
                f"than {_room(reading.held)} times this work in threads."
            ), f"to go further, {gil_bound.CURE}"
    if reading.waiting is not None:
        lost = reading.waiting.value / (reading.waiting.value + reading.held.value)
        costs += f", so threads that want it spend {100 * lost:.0f} % of that time waiting"
    if code == "gil_held_in_c":
        return _held_in_c(reading, costs)
    by = " by byte code or short calls" if reading.holds.overdue is not None else ""
    when, end = "", "More threads will not make it faster"
    if reading.held.low < SATURATED:
        when, end = ", part of the time", "The strip shows when; there more threads do not make it faster"
    return f"GIL-bound{by}{when}: {costs}. {end}.", gil_bound.CURE


def _held_in_c(reading: GilReading, costs: str) -> tuple[str, str]:
    holds = reading.holds
    worst = max(reading.threads, key=lambda thread: thread.overdue, default=None)
    named = f", most of all in {worst.name!r}" if worst is not None and worst.overdue > 0 else ""
    turn = f" in turns of {seconds(holds.turn_s)}" if holds.turn_s is not None else ""
    return (
        f"Held in C for long{named}: {costs}. {percent(holds.overdue)} of the held time passes after others asked for "
        f"it{turn}; byte code lets go {seconds(holds.switch_interval_s)} after the wait began, C code only when it "
        "returns."
    ), gil_held_in_c.CURE


def _room(held: Estimate) -> str:
    """Write 1/h from the upper end of the interval, which is certain; beyond 100 it is no limit in practice."""
    return narrow(min(1.0 / held.high, 100.0)) if held.high else narrow(100.0)
