"""What a program's use of the GIL means: one code, one sentence, one cure, from the numbers alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gilscope.analysis.findings import gil_bound, gil_held_in_c, gil_re_enabled
from gilscope.analysis.findings._gil import IN_C, SATURATED
from gilscope.report.figures import interval, narrow, percent, seconds
from gilscope.stats import Estimate
from gilscope.telemetry.reading import GilReading, GilReport

__all__ = ["GilVerdict", "judge"]

WAITS = 0.1
"""Mean number of waiting threads from which the GIL costs something worth a word: a tenth of a thread."""

IDLE = 0.1
"""Share of one CPU, and of the time with the GIL held, below which a process hardly computes."""

ROOM = 0.5
"""Held share below which the GIL leaves room for at least twice the work."""

WIDE = 0.2
"""Width of the interval of the held share from which the program was too short to be judged by it."""

CROWDED = 0.5
"""``GilReading.busy`` from which a holder may have been without a CPU because other programs had it."""

_ON_PURPOSE = "PYTHON_GIL"  # telemetry.free_threading names the variable where the user asked for the GIL


@dataclass(frozen=True, slots=True, kw_only=True)
class GilVerdict:
    """The meaning of the numbers.

    Parameters
    ----------
    code : str
        ``gil_bound``, ``gil_held_in_c``, ``one_thread``, ``partly_held``, ``released``, ``idle``, ``no_gil``,
        ``unavailable`` or ``cannot_tell``.
    sentence : str
    cure : str
        What to do; empty where nothing needs doing.
    """

    code: str
    sentence: str
    cure: str = ""


def judge(gil: GilReport, *, cpus_busy: float) -> GilVerdict:
    """Say what the numbers of a program mean.

    Parameters
    ----------
    gil : GilReport
    cpus_busy : float
        CPU time of the process over its wall time.

    Notes
    -----
    What is in use a share h of the time fits at most 1/h times into it: the utilisation law (Lazowska et al.,
    Quantitative System Performance, 1984, section 3.3) bounds what further threads can gain under the same GIL.
    """
    if gil.reading is None:
        return _unseen(gil, cpus_busy)
    seen = _seen(gil.reading, cpus_busy)
    by = gil.switched_on
    if not by:
        return seen
    cures = [seen.cure] if _ON_PURPOSE in by else [gil_re_enabled.CURE, seen.cure]
    return GilVerdict(
        code=seen.code,
        sentence=f"This free-threaded build runs with the GIL, {by}. {seen.sentence}",
        cure="; ".join(cure for cure in cures if cure),
    )


def _unseen(gil: GilReport, cpus_busy: float) -> GilVerdict:
    if not gil.enabled:
        return GilVerdict(
            code="no_gil",
            sentence=f"There is no GIL: this free-threaded build ran the threads in parallel, {narrow(cpus_busy)} CPUs "
            "were busy on average. What holds them up, if anything, is not the GIL.",
        )
    return GilVerdict(
        code="unavailable",
        sentence=f"The GIL was not measured: {gil.reason}.",
        cure="" if gil.reason.endswith("higher rate") else "'gilscope doctor' says what this machine allows",
    )


def _seen(gil: GilReading, cpus_busy: float) -> GilVerdict:
    held = gil.held
    if _threads_wait(gil):
        return _held_in_c(gil) if _in_c(gil, cpus_busy) else _bound(gil)
    if held.high - held.low > WIDE:
        return GilVerdict(
            code="cannot_tell",
            sentence=f"{gil.samples} looks in {seconds(gil.window_s)} leave the held share anywhere between "
            f"{100 * held.low:.0f} and {100 * held.high:.0f} %: too few to tell.",
            cure="give it more work, or look more often (--rate 2000)",
        )
    if held.high < IDLE and cpus_busy < IDLE:
        return GilVerdict(
            code="idle",
            sentence=f"Idle: this process kept {narrow(cpus_busy)} CPUs busy and held the GIL {percent(held)} of the "
            "time. It slept or waited for I/O or for other processes; the GIL is not what holds it up.",
        )
    return _unhindered(gil, cpus_busy)


def _threads_wait(gil: GilReading) -> bool:
    """Whether threads certainly wait; where that is not measured, whether several share a GIL in use all the time."""
    if gil.waiting is not None:
        return bool(gil.waiting.low >= WAITS)
    several = sum(thread.held.low >= WAITS for thread in gil.threads) > 1
    return bool(several and gil.held.low >= SATURATED)


def _in_c(gil: GilReading, cpus_busy: float) -> bool:
    """Whether the holder certainly did not answer; a holder that other programs kept off the CPU could not."""
    overdue = gil.holds.overdue
    crowded = gil.busy >= CROWDED
    starved = max(0.0, 1.0 - cpus_busy / gil.held.value) if crowded and gil.held.value else 0.0
    return overdue is not None and bool(overdue.low > max(IN_C, starved))


def _waiting(gil: GilReading) -> Iterator[str]:
    """Say how much is held and how much is lost to it."""
    yield f"the GIL is held {percent(gil.held)} of the time"
    waiting = gil.waiting
    if waiting is not None:
        lost = waiting.value / (waiting.value + gil.held.value)
        yield f"{interval(waiting)} threads wait for it on average"
        yield f"so threads that want it spend {100 * lost:.0f} % of that time waiting"


def _bound(gil: GilReading) -> GilVerdict:
    saturated = gil.held.low >= SATURATED
    by = " by byte code or short calls" if gil.holds.overdue is not None else ""
    end = (
        "More threads will not make it faster"
        if saturated
        else "The strip shows when; there more threads do not make it faster"
    )
    return GilVerdict(
        code="gil_bound",
        sentence=f"GIL-bound{by}{'' if saturated else ', part of the time'}: {', '.join(_waiting(gil))}. {end}.",
        cure=gil_bound.CURE,
    )


def _held_in_c(gil: GilReading) -> GilVerdict:
    holds = gil.holds
    worst = max(gil.threads, key=lambda thread: thread.overdue, default=None)
    named = f", most of all in {worst.name!r}" if worst is not None and worst.overdue > 0 else ""
    turn = f" in turns of {seconds(holds.turn_s)}" if holds.turn_s is not None else ""
    return GilVerdict(
        code="gil_held_in_c",
        sentence=f"Held in C for long{named}: {', '.join(_waiting(gil))}. {percent(holds.overdue)} of the held time "
        f"passes after others asked for it{turn}; byte code lets go {seconds(holds.switch_interval_s)} after the "
        "wait began, C code only when it returns.",
        cure=gil_held_in_c.CURE,
    )


def _unhindered(gil: GilReading, cpus_busy: float) -> GilVerdict:
    """Judge a GIL that costs nothing now by what it leaves to further threads."""
    held = gil.held
    nobody = "" if gil.waiting is None else f", {interval(gil.waiting)} threads wait for it on average"
    seen = f"the GIL is held {percent(held)} of the time{nobody}"
    if held.low >= SATURATED:
        return GilVerdict(
            code="one_thread",
            sentence=f"One thread at a time: {seen}. Nothing is lost to it now, but more threads of this kind would "
            "gain nothing: byte code, or C code that does not release it.",
            cure=f"before adding threads, {gil_bound.CURE}",
        )
    if held.high < ROOM:
        return GilVerdict(
            code="released",
            sentence=f"Mostly released: {seen}, {narrow(cpus_busy)} CPUs are busy. Threads can scale: the GIL "
            f"leaves room for {_room(held)} times this work.",
        )
    return GilVerdict(
        code="partly_held",
        sentence=f"Held part of the time: {seen}, {narrow(cpus_busy)} CPUs are busy. It costs little now, but leaves "
        f"room for no more than {_room(held)} times this work in threads.",
        cure=f"to go further, {gil_bound.CURE}",
    )


def _room(held: Estimate) -> str:
    """Write 1/h from the upper end of the interval, which is certain; beyond 100 it is no limit in practice."""
    times = 1.0 / held.high if held.high else 100.0
    return f"{narrow(min(times, 100.0))}"
