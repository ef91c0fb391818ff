"""Chapter: the same five with work for the CPU."""

from __future__ import annotations

import asyncio
from typing import Any

from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder, Trace
from gilscope.studies.traced._subinterpreters import available, own_gil, run_in_interpreters
from gilscope.tour._light import count, metered
from gilscope.tour._model import Chapter, Experiment, Verdict
from gilscope.tour._work import (
    judge_turns,
    one_core_or_two,
    python_name,
    run_in_processes,
    run_in_threads,
    threads_run_together,
    two_cpus,
)

__all__ = ["CHAPTER"]


def count_twice(log: Recorder) -> None:
    """Count twice in one thread."""
    for name in ("count1", "count2"):
        log.tell("main", name, "count")
        count(log, name)


def count_in_threads(log: Recorder) -> None:
    """Count in two threads."""
    run_in_threads(log, count, ("count1", "count2"))


def count_in_processes(log: Recorder) -> None:
    """Count in two processes."""
    run_in_processes(log, count, ("count1", "count2"))


def count_in_interpreters(log: Recorder) -> None:
    """Count in two interpreters."""
    run_in_interpreters(log, "count", ("count1", "count2"))


def count_in_tasks(log: Recorder) -> None:
    """Count in two tasks of one event loop."""

    async def counting(me: str) -> None:
        count(log, me)

    async def both() -> None:
        for name in ("count1", "count2"):
            log.tell("main", name, "start")
        await asyncio.gather(counting("count1"), counting("count2"))

    asyncio.run(both())


def _judge_turns(trace: Trace, facts: Any) -> Verdict:
    return judge_turns(trace, facts, name="counting")


def _judge_threads(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=threads_run_together())


def _judge_processes(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=True)


def _judge_interpreters(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=own_gil())


def _interpreters_and_cpus() -> Availability:
    here = available()
    return here if not here.ok else two_cpus()


_ORDER = ("main", "count1", "count2")
_THREADS_CLAIM = (
    "Both count at the same time: this Python has no GIL."
    if threads_run_together()
    else "Together the two threads never use more than one core: they take turns holding the GIL."
)
_INTERPRETERS_CLAIM = (
    "Both interpreters count at the same time: each has its own GIL."
    if own_gil()
    else f"In {python_name()} all interpreters of a process share one GIL: together they use no more than one core."
)

CHAPTER = Chapter(
    name="cpu",
    title="The same five with work for the CPU",
    text="Sleeping needs no CPU. Counting does, all the time; and in Python it needs the GIL, the lock that lets one "
    "thread of an interpreter run byte code at a time. Now the five ways differ.",
    experiments=(
        Experiment(
            name="single",
            title="Counting twice in one thread",
            text="The yardstick: one after the other.",
            shown=(metered, count),
            program=count_twice,
            order=_ORDER,
            claim="The second count begins after the first has ended.",
            judge=_judge_turns,
        ),
        Experiment(
            name="threads",
            title="Counting in two threads",
            text="Both threads are there at the same time, and each wants to run all the time.",
            program=count_in_threads,
            order=_ORDER,
            claim=_THREADS_CLAIM,
            judge=_judge_threads,
            available=two_cpus,
            tries=3 if threads_run_together() else 1,
        ),
        Experiment(
            name="processes",
            title="Counting in two processes",
            text="Two processes have two interpreters, so two GILs.",
            program=count_in_processes,
            order=_ORDER,
            claim="Both count at the same time, each on a core of its own if the machine has one free.",
            judge=_judge_processes,
            available=two_cpus,
            tries=3,
        ),
        Experiment(
            name="interpreters",
            title="Counting in two interpreters",
            text="One process, two interpreters.",
            program=count_in_interpreters,
            order=_ORDER,
            claim=_INTERPRETERS_CLAIM,
            judge=_judge_interpreters,
            available=_interpreters_and_cpus,
            tries=3 if own_gil() else 1,
        ),
        Experiment(
            name="asyncio",
            title="Counting in two tasks",
            text="A task that computes does not await, so the loop cannot go on with another one.",
            program=count_in_tasks,
            order=_ORDER,
            claim="The second count begins after the first has ended.",
            judge=_judge_turns,
        ),
    ),
    remember="For work in pure Python threads help with waiting, not with computing. Processes compute side by side; "
    "so do interpreters since Python 3.12, and threads where the code releases the GIL or the build has none.",
)
