"""Chapter: one thread that switches between tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gilscope.core.trace import Recorder, Trace
from gilscope.tour._light import NAP_S
from gilscope.tour._model import Chapter, Experiment, Judgement
from gilscope.tour._work import judge_overlap, judge_turns

T = TypeVar("T")


def run_in_tasks(log: Recorder, work: Callable[[str], Coroutine[Any, Any, T]], names: tuple[str, ...]) -> list[T]:
    """Start a task for each name in one event loop, and wait for all."""

    async def main() -> list[T]:
        for name in names:
            log.tell("main", name, "start")
        return await asyncio.gather(*map(work, names))

    return asyncio.run(main())


def sleeps(log: Recorder) -> list[int]:
    """Let two tasks sleep, and say in which threads they did."""

    async def nap(me: str) -> int:
        with log.span(me, "asleep", "sleep"):
            await asyncio.sleep(NAP_S)
        log.tell(me, "main", "done")
        return threading.get_ident()

    return run_in_tasks(log, nap, ("sleep1", "sleep2"))


def blocking(log: Recorder) -> None:
    """Let two tasks sleep without saying ``await``."""

    async def nap(me: str) -> None:
        with log.span(me, "asleep", "sleep"):
            time.sleep(NAP_S)  # no await: the event loop sleeps too
        log.tell(me, "main", "done")

    run_in_tasks(log, nap, ("sleep1", "sleep2"))


def _judge_tasks(trace: Trace, result: Any) -> Judgement:
    overlap = judge_overlap(trace, result)
    threads = len(set(result))
    return Judgement(
        overlap.holds and threads == 1, f"{overlap.observed} All of it in {threads} thread.", overlap.figures
    )


CHAPTER = Chapter(
    name="asyncio",
    title="Tasks of an event loop",
    text="With asyncio one thread works on many tasks. A task runs until it says await; then the loop goes on with "
    "another one that is ready. Nobody is interrupted.",
    experiments=(
        Experiment(
            title="Two sleeps in one thread",
            text="Each task awaits a timer, and the loop is free for the other.",
            shown=(run_in_tasks,),
            program=sleeps,
            claim="Both tasks are asleep at the same time, in a single thread.",
            judge=_judge_tasks,
            tries=3,
        ),
        Experiment(
            title="A task that does not await",
            text="time.sleep knows nothing of the loop: the thread sleeps, and with it all tasks.",
            program=blocking,
            claim="The second sleep begins after the first has ended.",
            judge=judge_turns,
        ),
    ),
    remember="Tasks are the cheapest way to wait for thousands of things at once, as long as every one of them awaits. "
    "Anything that blocks or computes for long belongs into a thread or a process.",
)
