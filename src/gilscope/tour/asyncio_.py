"""Chapter: one thread that switches between tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from gilscope.core.trace import Recorder, Trace
from gilscope.tour._light import NAP_S
from gilscope.tour._model import Chapter, Experiment, Verdict
from gilscope.tour._work import judge_overlap, judge_turns

__all__ = ["CHAPTER"]


def two_tasks(log: Recorder) -> list[int]:
    """Let two tasks sleep, and say in which threads they did."""

    async def nap(me: str) -> int:
        with log.span(me, "asleep", "sleep"):
            await asyncio.sleep(NAP_S)
        log.tell(me, "main", "done")
        return threading.get_ident()

    async def both() -> tuple[int, int]:
        for name in ("sleep1", "sleep2"):
            log.tell("main", name, "start")
        return await asyncio.gather(nap("sleep1"), nap("sleep2"))

    return list(asyncio.run(both()))


def a_task_that_blocks(log: Recorder) -> None:
    """Let two tasks sleep without saying ``await``."""

    async def nap(me: str) -> None:
        with log.span(me, "asleep", "sleep"):
            time.sleep(NAP_S)  # no await: the event loop sleeps too
        log.tell(me, "main", "done")

    async def both() -> None:
        for name in ("sleep1", "sleep2"):
            log.tell("main", name, "start")
        await asyncio.gather(nap("sleep1"), nap("sleep2"))

    asyncio.run(both())


def _judge_tasks(trace: Trace, facts: Any) -> Verdict:
    overlap = judge_overlap(trace, facts)
    threads = len(set(facts))
    return Verdict(
        holds=overlap.holds and threads == 1,
        seen=f"{overlap.seen} All of it in {threads} thread.",
        figures=overlap.figures,
    )


CHAPTER = Chapter(
    name="asyncio",
    title="Tasks of an event loop",
    text="With asyncio one thread works on many tasks. A task runs until it says await; then the loop goes on with "
    "another one that is ready. Nobody is interrupted.",
    experiments=(
        Experiment(
            name="sleeps",
            title="Two sleeps in one thread",
            text="Each task awaits a timer, and the loop is free for the other.",
            program=two_tasks,
            order=("main", "sleep1", "sleep2"),
            claim="Both tasks are asleep at the same time, in a single thread.",
            judge=_judge_tasks,
            tries=3,
        ),
        Experiment(
            name="blocking",
            title="A task that does not await",
            text="time.sleep knows nothing of the loop: the thread sleeps, and with it all tasks.",
            program=a_task_that_blocks,
            order=("main", "sleep1", "sleep2"),
            claim="The second sleep begins after the first has ended.",
            judge=judge_turns,
        ),
    ),
    remember="Tasks are the cheapest way to wait for thousands of things at once, as long as every one of them awaits. "
    "Anything that blocks or computes for long belongs into a thread or a process.",
)
