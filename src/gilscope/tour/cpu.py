"""Chapter: the same five with work for the CPU."""

from __future__ import annotations

import sys
from functools import partial

from gilscope.core.trace import Recorder
from gilscope.env.interpreter import gil_enabled
from gilscope.studies.traced._subinterpreters import available, own_gil, run_in_interpreters
from gilscope.tour._light import count, metered
from gilscope.tour._model import Chapter, Experiment
from gilscope.tour._work import cores_experiment, judge_turns, run_in_processes, run_in_threads, with_two_cpus
from gilscope.tour.asyncio_ import run_in_tasks


def single(log: Recorder) -> None:
    """Count twice in one thread."""
    for name in ("count1", "count2"):
        log.tell("main", name, "count")
        count(log, name)


def threads(log: Recorder) -> None:
    """Count in two threads."""
    run_in_threads(log, count, ("count1", "count2"))


def processes(log: Recorder) -> None:
    """Count in two processes."""
    run_in_processes(log, count, ("count1", "count2"))


def interpreters(log: Recorder) -> None:
    """Count in two interpreters."""
    run_in_interpreters(log, "count", ("count1", "count2"))


def asyncio(log: Recorder) -> None:
    """Count in two tasks of one event loop."""

    async def counting(me: str) -> None:
        count(log, me)

    run_in_tasks(log, counting, ("count1", "count2"))


_judge_turns = partial(judge_turns, name="counting")
_THREADS_CLAIM = (
    "Together the two threads never use more than one core: they take turns holding the GIL."
    if gil_enabled()
    else "Both count at the same time: this Python has no GIL."
)
_INTERPRETERS_CLAIM = (
    "Both interpreters count at the same time: each has its own GIL."
    if own_gil()
    else f"In Python {sys.version_info.major}.{sys.version_info.minor} all interpreters of a process share one GIL: "
    "together they use no more than one core."
)

CHAPTER = Chapter(
    name="cpu",
    title="The same five with work for the CPU",
    text="Sleeping needs no CPU. Counting does, all the time; and in Python it needs the GIL, the lock that lets one "
    "thread of an interpreter run byte code at a time. Now the five ways differ.",
    experiments=(
        Experiment(
            title="Counting twice in one thread",
            text="The yardstick: one after the other.",
            shown=(metered, count),
            program=single,
            claim="The second count begins after the first has ended.",
            judge=_judge_turns,
        ),
        cores_experiment(
            title="Counting in two threads",
            text="Both threads are there at the same time, and each wants to run all the time.",
            program=threads,
            claim=_THREADS_CLAIM,
            together=not gil_enabled(),
            spans="counting",
        ),
        cores_experiment(
            title="Counting in two processes",
            text="Two processes have two interpreters, so two GILs.",
            program=processes,
            claim="Both count at the same time, each on a core of its own if the machine has one free.",
            together=True,
            spans="counting",
        ),
        cores_experiment(
            title="Counting in two interpreters",
            text="One process, two interpreters.",
            program=interpreters,
            claim=_INTERPRETERS_CLAIM,
            together=own_gil(),
            spans="counting",
            available=lambda: with_two_cpus(available()),
        ),
        Experiment(
            title="Counting in two tasks",
            text="A task that computes does not await, so the loop cannot go on with another one.",
            program=asyncio,
            claim="The second count begins after the first has ended.",
            judge=_judge_turns,
        ),
    ),
    remember="For work in pure Python threads help with waiting, not with computing. Processes compute side by side; "
    "so do interpreters since Python 3.12, and threads where the code releases the GIL or the build has none.",
)
