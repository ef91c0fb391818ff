"""What the numbers of a program mean, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gilscope.analysis.blame import culprit
from gilscope.analysis.findings import gil_bound, gil_held_in_c, gil_re_enabled
from gilscope.analysis.findings._gil import IN_C, SATURATED
from gilscope.analysis.program import (
    GilVerdict,
    ProcessReport,
    ProgramReport,
    caution,
    gil_code,
    held_in_c,
    without_cpu,
)
from gilscope.report.figures import interval, narrow, percent, seconds
from gilscope.report.sentences.blame import held_by
from gilscope.stats import Estimate
from gilscope.telemetry.blame import by_call, short_names
from gilscope.telemetry.reading import NO_SAMPLE, GilReading, GilReport

if TYPE_CHECKING:
    from gilscope.telemetry.program import ProgramRun
    from gilscope.telemetry.watch import ProcessRun

NAMED = ("gil_bound", "gil_held_in_c")  # verdicts that say who holds it: threads wait
_LONG_ENOUGH_S = 1.0  # hundreds of samples at the usual rate: a program without any is not short, something is wrong
_ON_PURPOSE = "PYTHON_GIL"  # telemetry.free_threading names the variable where the user asked for the GIL


def program_report(
    run: ProgramRun,
    *,
    interpreter: str,
    cpu_s: float,
    children_cpu_s: float,
    tool_version: str,
    children: Iterable[ProcessRun] = (),
) -> ProgramReport:
    """Complete what was measured of a program with what it means.

    ``children_cpu_s`` is of the child processes that ended, ``children`` are those that were watched.
    """
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
        verdict=_too_short(run) or judge(run.gil, cpus_busy=cpu_s / run.wall_s if run.wall_s else 0.0),
        note=run.note,
        children=tuple(map(process_report, children)),
    )


def _too_short(run: ProgramRun) -> GilVerdict | None:
    """Judge a program that ended before the first sample; None of any other."""
    if run.gil.reason != NO_SAMPLE or run.wall_s >= _LONG_ENOUGH_S:
        return None
    sentence = f"The program ended after {seconds(run.wall_s)}: too short to tell."
    return GilVerdict(code="unavailable", sentence=sentence, cure="make it run for a second or more")


def watched_report(
    run: ProcessRun, *, interpreter: str, tool_version: str, children: Iterable[ProcessRun] = (), note: str = ""
) -> ProgramReport:
    """Complete what was seen of a running process with what it means."""
    process = process_report(run)
    return ProgramReport(
        tool_version=tool_version,
        interpreter=interpreter,
        target=process.command,
        arguments=(),
        exit_status=None,
        wall_s=process.wall_s,
        gil=process.gil,
        cpu_s=process.cpu_s,
        children_cpu_s=run.children_cpu_s,
        verdict=process.verdict,
        note=note,
        pid=process.pid,
        children=tuple(map(process_report, children)),
    )


def process_report(run: ProcessRun) -> ProcessReport:
    """Complete what was seen of one process with what it means."""
    verdict = judge(run.gil, cpus_busy=run.cpu_s / run.wall_s if run.wall_s else 0.0)
    return ProcessReport(
        pid=run.pid, command=run.command, wall_s=run.wall_s, cpu_s=run.cpu_s, gil=run.gil, verdict=verdict
    )


def judge(gil: GilReport, *, cpus_busy: float) -> GilVerdict:
    """Say what the numbers of a program mean; ``cpus_busy`` is its CPU time over its wall time."""
    code, reading, by = gil_code(gil, cpus_busy=cpus_busy), gil.reading, gil.switched_on
    cpus = f"{narrow(cpus_busy)} CPUs"
    sentence, cure = _unmeasured(gil, cpus) if reading is None else _explained(code, reading, cpus)
    if code in NAMED and (named := blamed(gil)):
        sentence += f" The GIL is {named}."
    if reading is not None:
        sentence += _doubt(code, reading, cpus_busy) + _caution(code, reading, cpus_busy)
    if by and reading is not None:
        sentence = f"This free-threaded build runs with the GIL, {by}. {sentence}"
        cures = [cure] if _ON_PURPOSE in by else [gil_re_enabled.CURE, cure]
        cure = "; ".join(filter(None, cures))
    return GilVerdict(code=code, sentence=sentence, cure=cure)


def blamed(gil: GilReport) -> str:
    """Name the line or function with most of the blame: ``held by ...``; empty where there is none."""
    if gil.stacks is None or (found := culprit(by_call(gil.stacks))) is None:
        return ""
    return held_by(found, short_names(frame.file for frame in gil.stacks.frames))


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


def _doubt(code: str, reading: GilReading, cpus_busy: float) -> str:
    """Say where what holds the GIL may be C code as well."""
    overdue = reading.holds.overdue
    if code != "gil_bound" or overdue is None or held_in_c(reading, cpus_busy) is not None:
        return ""
    return (
        f" It may be C code that keeps it: {percent(overdue)} of the held time is after another thread asked for it, "
        f"and C code is named from {100 * IN_C:.0f} % on."
    )


def _caution(code: str, reading: GilReading, cpus_busy: float) -> str:
    """Say where the machine or the load decided about the numbers, and what follows for them."""
    cpus, lacking = f"{narrow(cpus_busy)} CPUs", 100 * without_cpu(reading, cpus_busy)
    match caution(reading, cpus_busy=cpus_busy):
        case "crowded":
            return (
                f" Caution: only {cpus} were busy with it, because other programs took the CPUs: for {lacking:.0f} % "
                "of the held time the thread with the GIL had none. It held the GIL and let others wait for longer "
                "than it needs to: measure again on a quiet machine."
            )
        case "not_running":
            return (
                f" Caution: only {cpus} were busy: for {lacking:.0f} % of the held time the thread with the GIL did "
                "not run. C code that sleeps or waits for I/O without releasing the GIL does this, and so do CPU "
                "quotas and suspended machines."
            )
        case "little_load" if code in ("released", "partly_held"):
            return f" Caution: only {cpus} were busy, so it mostly waited for something else. Measure it under load."
    return ""


def _room(held: Estimate) -> str:
    """Write 1/h from the upper end of the interval, which is certain; beyond 100 it is no limit in practice."""
    return narrow(min(1.0 / held.high, 100.0)) if held.high else narrow(100.0)
