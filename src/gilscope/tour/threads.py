"""Chapter: several threads of one process."""

from __future__ import annotations

import threading
from typing import Any

from gilscope.core.trace import Recorder, Trace
from gilscope.tour._light import nap
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement
from gilscope.tour._work import judge_overlap, run_in_threads


def sleeps(log: Recorder) -> None:
    """Let two threads sleep."""
    run_in_threads(log, nap, ("sleep1", "sleep2"))


def memory(log: Recorder) -> list[str]:
    """Let two threads append to the same list."""
    shared: list[str] = []

    def append(log: Recorder, me: str) -> None:
        with log.span(me, "append"):
            shared.append(me)
        log.tell(me, "main", "done")

    for name in ("first", "second"):
        thread = threading.Thread(target=append, args=(log, name))
        log.tell("main", name, "start")
        thread.start()
        thread.join()
    return shared


def _judge_list(trace: Trace, result: Any) -> Judgement:
    observed = f"After both threads had ended, the main thread's list was {result}."
    return Judgement(result == ["first", "second"], observed, (Figure("items in the list", len(result)),))


CHAPTER = Chapter(
    name="threads",
    title="Several threads",
    text="Threads of one process run concurrently: each has its own stack and its own place in the program, all share "
    "the memory. While one sleeps or waits for a disk, a socket or a lock, the others go on.",
    experiments=(
        Experiment(
            title="Two sleeps at the same time",
            text="Each thread sleeps on its own. A sleeping thread needs no CPU and, in Python, has let go of the GIL.",
            shown=(nap, run_in_threads),
            program=sleeps,
            claim="Both threads are asleep at the same time, so the whole takes less than the sum of the sleeps.",
            judge=judge_overlap,
            tries=3,
        ),
        Experiment(
            title="One memory for all",
            text="What one thread changes, the others see: there is one list, and both threads append to it.",
            program=memory,
            claim="The main thread finds in its list what the other threads put there.",
            judge=_judge_list,
        ),
    ),
    remember="Threads are cheap to start and share everything: good for waiting for many things at once. Sharing is "
    "also their danger: see the chapter on synchronization.",
)
