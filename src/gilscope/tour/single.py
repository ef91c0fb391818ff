"""Chapter: a single thread."""

from __future__ import annotations

import time

from gilscope.core.trace import Recorder
from gilscope.tour._light import NAP_S
from gilscope.tour._model import Chapter, Experiment
from gilscope.tour._work import judge_turns


def sleeps(log: Recorder) -> None:
    """Sleep twice in one thread."""
    for lane, turn in (("sleep1", "1st"), ("sleep2", "2nd")):
        log.tell("main", lane, f"sleep {turn} time for {NAP_S} s")
        with log.span(lane, "asleep", "sleep"):
            time.sleep(NAP_S)
        log.tell(lane, "main", f"done sleeping {turn} time")


CHAPTER = Chapter(
    name="single",
    title="A single thread",
    text="A thread does one thing after the other: a call returns before the next one begins. While it waits, nothing "
    "else of the program happens, though the CPU is free.",
    experiments=(
        Experiment(
            title="Two sleeps one after the other",
            text="One thread calls sleep twice. The second call cannot begin before the first has returned.",
            program=sleeps,
            claim="The second sleep begins after the first has ended.",
            judge=judge_turns,
        ),
    ),
    remember="One thread: waiting times add up, and nothing ever happens at the same time.",
)
