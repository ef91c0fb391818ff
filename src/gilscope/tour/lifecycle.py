"""Chapter: from creation to termination."""

from __future__ import annotations

import multiprocessing
import os
import statistics
from functools import partial
from typing import Any

from gilscope.core.errors import UnavailableError
from gilscope.core.trace import Trace, duration
from gilscope.tour._model import Experiment, Figure, Judgement, chapter, seconds, when
from gilscope.tour._work import named

RUNNING, SLEEPING, STOPPED, GONE = "running", "sleeping", "stopped", "gone"


def _judge_life(trace: Trace, result: Any) -> Judgement:
    lives = (["new", SLEEPING, RUNNING, GONE], ["new", SLEEPING, RUNNING, STOPPED, GONE])  # of a thread, a process
    seen = ", ".join(result)
    return Judgement(result in lives, f"Seen in this order: {seen}.", (Figure("states", seen),))


def _judge_runnable(trace: Trace, result: Any) -> Judgement:
    spans = named(trace, "compute", 2)
    wall = sum(e.end_ns - e.start_ns for e in spans)
    running = sum(trace.facts[f"{e.lane} cpu_ns"] for e in spans) / wall
    runnable = sum(trace.facts.get(f"{e.lane} run_queue_ns", 0) for e in spans) / wall
    blocked = max(0.0, 1 - running - runnable)
    observed = f"running for {running:.0%}, runnable but not running for {runnable:.0%}, blocked for {blocked:.0%}"
    figures = (Figure("running", running), Figure("runnable", runnable), Figure("blocked", blocked))
    return Judgement(running <= 0.6, f"The two threads were {observed} of their time.", figures)


def _judge_costs(trace: Trace, result: Any) -> Judgement:
    thread, process = (statistics.median(result[kind]) for kind in ("thread", "process"))
    times, method = f"{process / thread:.0f} times as long", multiprocessing.get_start_method()
    observed = f"A thread took {duration(thread)}, a process {duration(process)} ({method}): {times}."
    if thread >= process and min(result["thread"]) < min(result["process"]):  # delays only ever add to a time
        raise UnavailableError("other programs delayed the threads", "stop them, and run it again")
    return Judgement(thread < process, observed, (seconds("thread", thread), seconds("process", process)))


_STATES_SHOWN = partial(
    when, os.path.exists("/proc/self/task"), "this system does not show the states of threads", "use Linux"
)
_CAN_PIN = partial(when, hasattr(os, "sched_setaffinity"), "this system cannot tie threads to a CPU", "use Linux")

CHAPTER = chapter(
    "lifecycle",
    {
        "thread": partial(Experiment, judge=_judge_life, available=_STATES_SHOWN),
        "process": partial(Experiment, judge=_judge_life, available=_STATES_SHOWN),
        "runnable": partial(Experiment, judge=_judge_runnable, available=_CAN_PIN),
        "costs": partial(Experiment, judge=_judge_costs),
    },
)
