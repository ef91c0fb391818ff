"""What a program's use of the GIL means, in a sentence and with what to do."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.analysis.findings import gil_bound, gil_held_in_c, gil_re_enabled
from gilscope.analysis.findings._gil import SATURATED
from gilscope.analysis.program import GilVerdict, gil_code
from gilscope.report.figures import interval, narrow, percent, seconds
from gilscope.stats import Estimate
from gilscope.telemetry.reading import GilReading, GilReport

__all__ = ["judge"]

_ON_PURPOSE = "PYTHON_GIL"  # telemetry.free_threading names the variable where the user asked for the GIL


def judge(gil: GilReport, *, cpus_busy: float) -> GilVerdict:
    """Say what the numbers of a program mean.

    Parameters
    ----------
    cpus_busy : float
        CPU time of the process over its wall time.
    """
    code, seen, by = gil_code(gil, cpus_busy=cpus_busy), gil.reading, gil.switched_on
    if seen is None:
        sentence, cure = _unseen(gil, cpus_busy)
        return GilVerdict(code=code, sentence=sentence, cure=cure)
    sentence, cure = _WORDS[code](seen, cpus_busy)
    if by:
        sentence = f"This free-threaded build runs with the GIL, {by}. {sentence}"
        cures = [cure] if _ON_PURPOSE in by else [gil_re_enabled.CURE, cure]
        cure = "; ".join(filter(None, cures))
    return GilVerdict(code=code, sentence=sentence, cure=cure)


def _unseen(gil: GilReport, cpus_busy: float) -> tuple[str, str]:
    if not gil.enabled:
        return (
            f"There is no GIL: this free-threaded build ran the threads in parallel, {narrow(cpus_busy)} CPUs "
            "were busy on average. What holds them up, if anything, is not the GIL."
        ), ""
    cure = "" if gil.reason.endswith("higher rate") else "'gilscope doctor' says what this machine allows"
    return f"The GIL was not measured: {gil.reason}.", cure


def _too_few(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    return (
        f"{seen.samples} looks in {seconds(seen.window_s)} leave the held share anywhere between "
        f"{100 * seen.held.low:.0f} and {100 * seen.held.high:.0f} %: too few to tell."
    ), "give it more work, or look more often (--rate 2000)"


def _idle(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    return (
        f"Idle: this process kept {narrow(cpus_busy)} CPUs busy and held the GIL {percent(seen.held)} of the "
        "time. It slept or waited for I/O or for other processes; the GIL is not what holds it up."
    ), ""


def _waiting(seen: GilReading) -> Iterator[str]:
    """Say how much is held and how much is lost to it."""
    yield f"the GIL is held {percent(seen.held)} of the time"
    waiting = seen.waiting
    if waiting is not None:
        lost = waiting.value / (waiting.value + seen.held.value)
        yield f"{interval(waiting)} threads wait for it on average"
        yield f"so threads that want it spend {100 * lost:.0f} % of that time waiting"


def _bound(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    by = " by byte code or short calls" if seen.holds.overdue is not None else ""
    times, end = "", "More threads will not make it faster"
    if seen.held.low < SATURATED:
        times, end = ", part of the time", "The strip shows when; there more threads do not make it faster"
    return f"GIL-bound{by}{times}: {', '.join(_waiting(seen))}. {end}.", gil_bound.CURE


def _held_in_c(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    holds = seen.holds
    worst = max(seen.threads, key=lambda thread: thread.overdue, default=None)
    named = f", most of all in {worst.name!r}" if worst is not None and worst.overdue > 0 else ""
    turn = f" in turns of {seconds(holds.turn_s)}" if holds.turn_s is not None else ""
    return (
        f"Held in C for long{named}: {', '.join(_waiting(seen))}. {percent(holds.overdue)} of the held time "
        f"passes after others asked for it{turn}; byte code lets go {seconds(holds.switch_interval_s)} after the "
        "wait began, C code only when it returns."
    ), gil_held_in_c.CURE


def _costless(seen: GilReading) -> str:
    nobody = "" if seen.waiting is None else f", {interval(seen.waiting)} threads wait for it on average"
    return f"the GIL is held {percent(seen.held)} of the time{nobody}"


def _one_thread(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    return (
        f"One thread at a time: {_costless(seen)}. Nothing is lost to it now, but more threads of this kind would "
        "gain nothing: byte code, or C code that does not release it."
    ), f"before adding threads, {gil_bound.CURE}"


def _released(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    return (
        f"Mostly released: {_costless(seen)}, {narrow(cpus_busy)} CPUs are busy. Threads can scale: the GIL "
        f"leaves room for {_room(seen.held)} times this work."
    ), ""


def _partly_held(seen: GilReading, cpus_busy: float) -> tuple[str, str]:
    return (
        f"Held part of the time: {_costless(seen)}, {narrow(cpus_busy)} CPUs are busy. It costs little now, but leaves "
        f"room for no more than {_room(seen.held)} times this work in threads."
    ), f"to go further, {gil_bound.CURE}"


def _room(held: Estimate) -> str:
    """Write 1/h from the upper end of the interval, which is certain; beyond 100 it is no limit in practice."""
    times = 1.0 / held.high if held.high else 100.0
    return f"{narrow(min(times, 100.0))}"


_WORDS = {
    "gil_bound": _bound,
    "gil_held_in_c": _held_in_c,
    "cannot_tell": _too_few,
    "idle": _idle,
    "one_thread": _one_thread,
    "released": _released,
    "partly_held": _partly_held,
}
