"""Chapter: the lock of the interpreter."""

from __future__ import annotations

import hashlib
import statistics
import threading
import time
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import GIL_LANE, Recorder, Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor, probe_availability
from gilscope.tour._light import count, metered
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement, seconds, when
from gilscope.tour._work import cores_experiment, run_in_threads, switch_interval

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


def turns(log: Recorder) -> dict[str, Any]:
    """Count in two threads, first with a long switch interval, then with the usual one."""
    found = {}
    for kind, interval in (("patient", PATIENT_S), ("hasty", HASTY_S)):
        with switch_interval(interval), watched(log) as gil:
            run_in_threads(log, count, (f"{kind}1", f"{kind}2"))
        found[kind] = {"interval_s": interval, "handovers": gil.handovers, "per_s": gil.handovers_per_s}
    return found


def short_waits() -> list[float]:
    """Wait a few times, as for a disk, without the GIL and then for it; return how long each took, in ns."""
    return timeit.repeat(lambda: time.sleep(WAIT_S), timer=clocks.wall_ns, repeat=WAITS, number=1)


def convoy(log: Recorder) -> dict[str, list[float]]:
    """Wait for something slow alone, then beside a thread that computes."""
    waits, running, stop = {}, threading.Event(), threading.Event()

    def compute() -> None:
        running.set()
        with log.span("computing", "counting"):
            while not stop.is_set():
                pass

    with log.span("main", "waits alone", "send"):
        waits["alone"] = short_waits()
    thread = threading.Thread(target=compute, name="computing")
    with watched(log):
        log.tell("main", "computing", "start")
        thread.start()
        running.wait()
        with log.span("main", "waits beside it", "send"):
            waits["beside"] = short_waits()
        stop.set()
        thread.join()
    return waits


def sum_in_c(log: Recorder, me: str) -> None:
    """Add numbers up in C code that keeps the GIL."""
    with metered(log, me, "summing"):
        sum(range(SUM_TO))
    log.tell(me, "main", "done")


def c_holds(log: Recorder) -> None:
    """Sum in two threads."""
    with watched(log):
        run_in_threads(log, sum_in_c, ("sum1", "sum2"))


def hash_in_c(log: Recorder, me: str) -> None:
    """Derive a key in C code that releases the GIL."""
    with metered(log, me, "hashing"):
        hashlib.pbkdf2_hmac("sha256", b"word", b"salt", ITERATIONS)
    log.tell(me, "main", "done")


def c_releases(log: Recorder) -> None:
    """Hash in two threads."""
    with watched(log):
        run_in_threads(log, hash_in_c, ("hash1", "hash2"))


def _judge_turns(trace: Trace, result: Any) -> Judgement:
    patient, hasty = result["patient"], result["hasty"]
    usual, long = (duration(kind["interval_s"] * 1e9) for kind in (hasty, patient))
    observed = (
        f"With a switch interval of {usual} the GIL changed hands {hasty['handovers']} times, {hasty['per_s']:.0f} a "
        f"second; with {long} {patient['handovers']} times, {patient['per_s']:.0f} a second."
    )
    figures = (Figure(f"hand-overs, {usual}", hasty["handovers"]), Figure(f"hand-overs, {long}", patient["handovers"]))
    return Judgement(patient["handovers"] < hasty["handovers"], observed, figures)


def _judge_convoy(trace: Trace, result: Any) -> Judgement:
    alone, beside = (statistics.median(result[kind]) for kind in ("alone", "beside"))
    took = f"took {duration(alone)} alone and {duration(beside)} beside a thread that computes"
    figures = (seconds("alone", alone), seconds("beside", beside))
    return Judgement(beside - alone >= HASTY_S / 2 * 1e9, f"A wait of {duration(WAIT_S * 1e9)} {took}.", figures)


CHAPTER = Chapter(
    name="gil",
    title="The GIL",
    text="CPython's global interpreter lock lets one thread of an interpreter run Python code at a time. A thread that "
    "wants it waits for the switch interval, 5 ms, and then asks the holder to let go, which byte code does at its "
    "next jump or call. C code may let go for as long as it needs no Python objects; if it does not, nobody else "
    "runs. The lane of the GIL shows who held it, seen by a thread that looks and never takes it.",
    experiments=(
        Experiment(
            title="Taking turns",
            text="Two threads count. The longer they wait before they ask, the more rarely the GIL changes hands.",
            shown=(count, watched, switch_interval),
            program=turns,
            claim="With a longer switch interval the GIL changes hands less often.",
            judge=_judge_turns,
            available=probe_availability,
            tries=3,
        ),
        Experiment(
            title="The convoy effect",
            text="A thread that does small pieces of I/O gives the GIL away each time and then has to wait a whole "
            "switch interval to get it back from one that computes: the busier thread wins.",
            shown=(short_waits,),
            program=convoy,
            claim="Beside a thread that computes, each wait takes longer by about the switch interval.",
            judge=_judge_convoy,
            tries=5,
            available=partial(
                when, gil_enabled(), "this interpreter has no GIL", "start it with PYTHON_GIL=1 to see it"
            ),
        ),
        cores_experiment(
            title="C code that holds it",
            text="sum over a range runs in C, but it works on Python objects and never lets go.",
            shown=(sum_in_c,),
            program=c_holds,
            claim="Two threads use no more than one core."
            if gil_enabled()
            else "Both threads run at the same time: there is no GIL.",
            together=not gil_enabled(),
            spans="summing",
        ),
        cores_experiment(
            title="C code that releases it",
            text="hashlib works on bytes alone and lets go of the GIL while it does.",
            shown=(hash_in_c,),
            program=c_releases,
            claim="Both threads run at the same time.",
            together=True,
            spans="hashing",
        ),
    ),
    remember="Threads run side by side as far as they do not need the GIL: in C code that releases it, and while they "
    "wait. 'gilscope gil' shows how a whole program uses it, 'gilscope audit' which functions release it.",
)
