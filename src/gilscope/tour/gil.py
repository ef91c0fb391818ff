"""Chapter: the lock of the interpreter."""

from __future__ import annotations

import hashlib
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gilscope.core import clocks
from gilscope.core.spec import Availability
from gilscope.core.trace import GIL_LANE, Recorder, Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor, probe_availability
from gilscope.tour._light import count, metered
from gilscope.tour._model import Chapter, Experiment, Figure, Verdict
from gilscope.tour._work import one_core_or_two, run_in_threads, two_cpus

__all__ = ["CHAPTER"]

PATIENT_S, HASTY_S = 0.05, 0.005  # the second one is Python's own
SUM_TO = 5_000_000
ITERATIONS = 150_000
WAIT_S, WAITS = 0.002, 11


@contextmanager
def watched(log: Recorder) -> Iterator[GilMonitor]:
    """Write down who holds the GIL, looking at it 2000 times a second."""
    with GilMonitor(DIAGNOSTIC_RATE_HZ, keep_holds=2000) as monitor:
        yield monitor
    for hold in monitor.holds_kept:
        log.did(GIL_LANE, hold.name, hold.start_ns, hold.end_ns, "gil")


@contextmanager
def switch_interval(seconds: float) -> Iterator[None]:
    """Let threads wait this long before they ask for the GIL."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def turns(log: Recorder) -> dict[str, Any]:
    """Count in two threads, first with a long switch interval, then with the usual one."""
    facts = {}
    for kind, interval in (("patient", PATIENT_S), ("hasty", HASTY_S)):
        with switch_interval(interval), watched(log) as gil:
            run_in_threads(log, count, (f"{kind}1", f"{kind}2"))
        facts[kind] = {"interval_s": interval, "handovers": gil.handovers, "per_s": gil.handovers_per_s}
    return facts


def short_waits() -> list[int]:
    """Wait for something slow a few times, as for a disk; return how long each took, in ns.

    Each wait lets go of the GIL and wants it back.
    """
    spent = []
    for _ in range(WAITS):
        begun = clocks.wall_ns()
        time.sleep(WAIT_S)
        spent.append(clocks.wall_ns() - begun)
    return spent


def convoy(log: Recorder) -> dict[str, list[int]]:
    """Wait for something slow alone, then beside a thread that computes."""
    facts, running, stop = {}, threading.Event(), threading.Event()

    def compute() -> None:
        running.set()
        with log.span("computing", "counting"):
            while not stop.is_set():
                pass

    with log.span("main", "waits alone", "send"):
        facts["alone"] = short_waits()
    thread = threading.Thread(target=compute, name="computing")
    with watched(log):
        log.tell("main", "computing", "start")
        thread.start()
        running.wait()
        with log.span("main", "waits beside it", "send"):
            facts["beside"] = short_waits()
        stop.set()
        thread.join()
    return facts


def later(facts: dict[str, list[int]]) -> float:
    """Return by how much the middle wait was longer beside the thread that computes, in seconds."""
    return (statistics.median(facts["beside"]) - statistics.median(facts["alone"])) / 1e9


def sum_in_c(log: Recorder, me: str) -> None:
    """Add numbers up in C code that keeps the GIL."""
    with metered(log, me, "summing"):
        sum(range(SUM_TO))
    log.tell(me, "main", "done")


def c_code_that_holds(log: Recorder) -> None:
    """Sum in two threads."""
    with watched(log):
        run_in_threads(log, sum_in_c, ("sum1", "sum2"))


def hash_in_c(log: Recorder, me: str) -> None:
    """Derive a key in C code that lets go of the GIL."""
    with metered(log, me, "hashing"):
        hashlib.pbkdf2_hmac("sha256", b"word", b"salt", ITERATIONS)
    log.tell(me, "main", "done")


def c_code_that_releases(log: Recorder) -> None:
    """Hash in two threads."""
    with watched(log):
        run_in_threads(log, hash_in_c, ("hash1", "hash2"))


# Judging --------------------------------------------------------------------------------------------------------------


def _judge_turns(trace: Trace, facts: Any) -> Verdict:
    patient, hasty = facts["patient"], facts["hasty"]
    return Verdict(
        holds=patient["handovers"] < hasty["handovers"],
        seen=f"With a switch interval of {duration(HASTY_S * 1e9)} the GIL changed hands {hasty['handovers']} times, "
        f"{hasty['per_s']:.0f} a second; with {duration(PATIENT_S * 1e9)} {patient['handovers']} times, "
        f"{patient['per_s']:.0f} a second.",
        figures=tuple(
            Figure(name=f"hand-overs, {duration(kind['interval_s'] * 1e9)}", value=kind["handovers"])
            for kind in (hasty, patient)
        ),
    )


def _judge_convoy(trace: Trace, facts: Any) -> Verdict:
    alone, beside = (statistics.median(facts[kind]) for kind in ("alone", "beside"))
    return Verdict(
        holds=later(facts) >= HASTY_S / 2,
        seen=f"A wait of {duration(WAIT_S * 1e9)} took {duration(alone)} alone and {duration(beside)} beside a thread "
        "that computes.",
        figures=(
            Figure(name="alone", value=alone / 1e9, unit="s"),
            Figure(name="beside", value=beside / 1e9, unit="s"),
        ),
    )


def _judge_holds(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=not gil_enabled(), name="summing")


def _judge_releases(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=True, name="hashing")


def _needs_gil() -> Availability:
    if gil_enabled():
        return Availability(ok=True)
    return Availability(ok=False, reason="this interpreter has no GIL", cure="start it with PYTHON_GIL=1 to see it")


def _needs_probe() -> Availability:
    return probe_availability()


CHAPTER = Chapter(
    name="gil",
    title="The GIL",
    text="CPython's global interpreter lock lets one thread of an interpreter run Python code at a time. A thread that "
    "wants it waits for the switch interval, 5 ms, and then asks the holder to let go, which byte code does at its "
    "next jump or call. C code may let go for as long as it needs no Python objects; if it does not, nobody else "
    "runs. The lane of the GIL shows who held it, seen by a thread that looks and never takes it.",
    experiments=(
        Experiment(
            name="turns",
            title="Taking turns",
            text="Two threads count. The longer they wait before they ask, the more rarely the GIL changes hands.",
            shown=(count, watched, switch_interval),
            program=turns,
            order=("main", GIL_LANE, "patient1", "patient2", "hasty1", "hasty2"),
            claim="With a longer switch interval the GIL changes hands less often.",
            judge=_judge_turns,
            available=_needs_probe,
            tries=3,
        ),
        Experiment(
            name="convoy",
            title="The convoy effect",
            text="A thread that does small pieces of I/O gives the GIL away each time and then has to wait a whole "
            "switch interval to get it back from one that computes: the busier thread wins.",
            shown=(short_waits, later),
            program=convoy,
            order=("main", GIL_LANE, "computing"),
            claim="Beside a thread that computes, each wait takes longer by about the switch interval.",
            judge=_judge_convoy,
            tries=5,
            available=_needs_gil,
        ),
        Experiment(
            name="c-holds",
            title="C code that holds it",
            text="sum over a range runs in C, but it works on Python objects and never lets go.",
            shown=(sum_in_c,),
            program=c_code_that_holds,
            order=("main", GIL_LANE, "sum1", "sum2"),
            claim="Two threads use no more than one core."
            if gil_enabled()
            else "Both threads run at the same time: there is no GIL.",
            judge=_judge_holds,
            available=two_cpus,
            tries=1 if gil_enabled() else 3,
        ),
        Experiment(
            name="c-releases",
            title="C code that releases it",
            text="hashlib works on bytes alone and lets go of the GIL while it does.",
            shown=(hash_in_c,),
            program=c_code_that_releases,
            order=("main", GIL_LANE, "hash1", "hash2"),
            claim="Both threads run at the same time.",
            judge=_judge_releases,
            available=two_cpus,
            tries=3,
        ),
    ),
    remember="Threads run side by side as far as they do not need the GIL: in C code that releases it, and while they "
    "wait. 'gilscope gil' shows how a whole program uses it, 'gilscope audit' which functions release it.",
)
